import { copyEndpoint, type Endpoint, ENDPOINT_WORDS, sameEndpoint } from "./endpoint.ts";

interface Entry<T> {
  readonly endpoint: Endpoint;
  value: T;
}

/** A map with endpoints as keys, which are looked up where they lie: without making text or objects. */
export class EndpointMap<T> {
  readonly #buckets = new Map<number, Entry<T>[]>();
  // Nobody can choose addresses that all fall into one bucket.
  readonly #factors = crypto.getRandomValues(new Uint32Array(ENDPOINT_WORDS)).map((factor) => factor | 1);
  #size = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** All values. */
  *values(): Generator<T> {
    for (const bucket of this.#buckets.values()) for (const { value } of bucket) yield value;
  }

  /** The value for the endpoint at word `at`. */
  get(words: Uint32Array, at: number): T | undefined {
    return this.#find(this.#buckets.get(this.#hash(words, at)), words, at)?.value;
  }

  /** Sets the value for the endpoint at word `at`, which is copied. */
  set(words: Uint32Array, at: number, value: T): void {
    const hash = this.#hash(words, at), bucket = this.#buckets.get(hash) ?? [];
    const entry = this.#find(bucket, words, at);
    if (entry !== undefined) return void (entry.value = value);
    const endpoint = new Uint32Array(ENDPOINT_WORDS);
    copyEndpoint(words, at, endpoint, 0);
    bucket.push({ endpoint, value });
    this.#buckets.set(hash, bucket);
    this.#size++;
  }

  /** Removes the entry of the endpoint at word `at`, if there is one. */
  delete(words: Uint32Array, at: number): void {
    const hash = this.#hash(words, at), bucket = this.#buckets.get(hash), entry = this.#find(bucket, words, at);
    if (bucket === undefined || entry === undefined) return;
    bucket.splice(bucket.indexOf(entry), 1);
    if (bucket.length === 0) this.#buckets.delete(hash);
    this.#size--;
  }

  #find(bucket: Entry<T>[] | undefined, words: Uint32Array, at: number): Entry<T> | undefined {
    if (bucket === undefined) return undefined;
    for (const entry of bucket) if (sameEndpoint(entry.endpoint, 0, words, at)) return entry;
    return undefined;
  }

  #hash(words: Uint32Array, at: number): number {
    let hash = 0;
    for (let word = 0; word < ENDPOINT_WORDS; word++) {
      hash = Math.imul(hash ^ words[at + word]!, this.#factors[word]!);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}
