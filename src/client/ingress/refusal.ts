import { MicssError } from "../../errors/errors.ts";
import { TargetError } from "../../session/session.ts";
import { ResultCode } from "../../wire/frame.ts";

/** Why an application is not connected, as far as the ways in have words for it. */
export type Refusal = "refused" | "unreachable" | "not allowed" | "overloaded" | "failed";

/** The client handler does not connect to that destination; the message says why. */
export class NotAllowed extends MicssError {}

/** The client handler carries as many sessions as it may. */
export class Overloaded extends MicssError {}

const REFUSALS: Readonly<Record<TargetError["code"], Refusal>> = {
  [ResultCode.Refused]: "refused",
  [ResultCode.Unreachable]: "unreachable",
  [ResultCode.NotAllowed]: "not allowed",
  [ResultCode.Overloaded]: "overloaded",
  [ResultCode.NotProcessed]: "overloaded",
};

/** What an error means to an application; "failed" for all that is neither its fault nor the target's. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof NotAllowed) return "not allowed";
  if (error instanceof Overloaded) return "overloaded";
  return error instanceof TargetError ? REFUSALS[error.code] : "failed";
}
