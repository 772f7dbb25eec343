/**
 * Observes the end of one half of a session, the bytes of one direction. Gets one call at most.
 *
 * Not a promise, whose functions would stay in memory while a session is idle.
 */
export interface HalfObserver {
  /** All bytes and the half-close have passed. */
  ended(): void;
  /** No more bytes pass. */
  failed(error: Error): void;
}
