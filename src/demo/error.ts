import { MicssError } from "../errors/errors.ts";
/** The demo can't go on, or one of its claims does not hold. The message explains it in one line. */
export class DemoError extends MicssError {}
