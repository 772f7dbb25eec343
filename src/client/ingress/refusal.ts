import { MicssError } from "../../errors/errors.ts";
import { LookupError } from "../../net/names/lookups.ts";
import { TargetError } from "../../streams/errors.ts";
import { ResultCode } from "../../wire/frame.ts";

/** Reasons for not connecting an application, as far as ingress protocols distinguish them. */
export type Refusal = "refused" | "unreachable" | "unresolved" | "not allowed" | "overloaded" | "failed";

/** The client handler does not connect to a destination; the message says why. */
export class NotAllowed extends MicssError {}

/** The client handler has reached its session limit. */
export class Overloaded extends MicssError {}

const REFUSALS: Readonly<Record<TargetError["code"], Refusal>> = {
  [ResultCode.Refused]: "refused",
  [ResultCode.Unreachable]: "unreachable",
  [ResultCode.NotAllowed]: "not allowed",
  [ResultCode.Overloaded]: "overloaded",
  [ResultCode.NotProcessed]: "overloaded",
};

/** Classifies an error for the application; "failed" if neither it nor the target is at fault. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof NotAllowed) return "not allowed";
  if (error instanceof Overloaded) return "overloaded";
  if (error instanceof LookupError) return "unresolved";
  return error instanceof TargetError ? REFUSALS[error.code] : "failed";
}
