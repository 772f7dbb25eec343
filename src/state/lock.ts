import { StateError, stateError } from "./state_error.ts";

/** Time limit for another process to release the lock, in milliseconds. It is held for a few milliseconds only. */
const PATIENCE = 5_000;

/**
 * Locks the state directory against other changes to it, by this and other processes, until disposed of.
 *
 * @param patience Time limit, in milliseconds.
 * @throws {StateError} If the lock's file can't be opened, or another process holds the lock for too long.
 */
export async function lockState(directory: string, patience: number = PATIENCE): Promise<Disposable> {
  const path = `${directory}/lock`;
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  } catch (error) {
    throw stateError(path, error);
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new StateError(path, `locked for ${patience / 1000} s by another process; end that process`));
    }, patience);
  });
  try {
    // Closing the file releases the lock, also one that is obtained too late.
    await Promise.race([file.lock(true), late]);
  } catch (error) {
    file.close();
    throw stateError(path, error);
  } finally {
    clearTimeout(timer);
  }
  return { [Symbol.dispose]: () => file.close() };
}
