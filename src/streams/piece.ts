/** An application's bytes in a pooled buffer, with room in front for the heads under which they may leave. */
export interface Piece {
  /** {@linkcode DATA_LEAD} bytes of room, then the bytes, then perhaps room for further heads. */
  readonly buffer: Uint8Array;
  /** Number of the application's bytes. */
  readonly length: number;
}
