/** The fewest channels of an association: with one there would be nothing to share. */
export const MIN_CHANNELS = 2;
/** The most channels of an association (docs/PROTOCOL.md). */
export const MAX_CHANNELS = 16;
/** What a server may be called. */
export const SERVER_NAME = /^[a-z0-9][a-z0-9.-]*$/i;
