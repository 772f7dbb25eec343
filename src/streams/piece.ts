/** An application's bytes in a pooled buffer, with room in front for the heads under which they may leave. */
export interface Piece {
  readonly buffer: Uint8Array;
  /** Offset of the bytes in the buffer; what lies in front may be overwritten. */
  readonly start: number;
  /** Number of the application's bytes. */
  readonly length: number;
}
