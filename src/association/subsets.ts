/**
 * Sets of `size` elements of a list to try one after another, where up to two elements may be bad: one of them is without
 * them, if the list is that long. There are at most 136, so that bad elements cost a bounded time.
 */
export function* subsets(list: readonly number[], size: number): Generator<number[]> {
  yield list.slice(0, size);
  const one = list.slice(0, size + 1), two = list.slice(0, size + 2);
  if (one.length > size) { for (const out of one) yield one.filter((element) => element !== out); }
  if (two.length < size + 2) return;
  for (const [at, out] of two.entries()) {
    for (const other of two.slice(at + 1)) yield two.filter((element) => element !== out && element !== other);
  }
}
