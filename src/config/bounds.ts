/** Minimum number of channels of an association: a single one would carry the plaintext. */
export const MIN_CHANNELS = 2;
/** Maximum number of channels of an association (docs/PROTOCOL.md). */
export const MAX_CHANNELS = 16;
/** Valid server names. */
export const SERVER_NAME = /^[a-z0-9][a-z0-9.-]*$/i;
