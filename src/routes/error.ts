import { MicssError } from "../errors/errors.ts";

/** Routes can't be read, put in place, verified or removed. The message includes the remedy, in one line. */
export class RoutesError extends MicssError {}
