/** The matrix's faults, and how a trial causes each. */
import { settle } from "../support/time/fake_clock.ts";
import { TARGET } from "../support/handlers/handlers_in_memory.ts";
import type { PathFault } from "./faulty_path.ts";
import { type Phase, PHASES } from "./phases.ts";
import type { Session, TargetFault } from "./session.ts";
import { type Trial, VICTIM } from "./trial.ts";

/** A fault and its cause. */
export interface Fault {
  /** Runs before the session, for faults while connecting. */
  readonly before?: (trial: Trial) => void;
  /** Runs during a session, or between two. */
  readonly strike?: (trial: Trial, session: Session | null) => void;
  /** The target's own misbehaviour. */
  readonly target?: TargetFault;
  /** The phases at which it can occur. */
  readonly phases: readonly Phase[];
}

/** A fault of the second channel's path. @param connecting Replaces connecting while there is no path yet. */
function ofPath(fault: PathFault, connecting?: () => void | Promise<void>): Fault {
  return {
    before(trial) {
      if (connecting === undefined) trial.born = fault;
      else trial.connecting = (host) => host === VICTIM ? connecting() : undefined;
    },
    strike: (trial) => trial.victims.at(-1)!.befall(fault),
    phases: PHASES,
  };
}

/** A fault of connecting, to the target's host or the channel's. */
function ofConnecting(to: string, connecting: () => void | Promise<void>): Fault {
  return {
    before: (trial) => trial.connecting = (host) => host === to ? connecting() : undefined,
    phases: ["connecting"],
  };
}

function refuse(): never {
  throw new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
}

function refuseChannels(host: string): void {
  if (host.startsWith("192.0.2.")) refuse();
}

function outOfFiles(): never {
  throw new Error("Too many open files (os error 24)");
}

function outOfFilesInAll(): never {
  throw new Error("Too many open files in system (os error 23)");
}

function noRoute(): never {
  throw new Error("Network is unreachable (os error 101)");
}

function hang(): Promise<void> {
  return new Promise(() => {});
}

/** All faults by name. */
export const FAULTS = {
  "a channel is reset, or refused": ofPath("reset", refuse),
  "a channel is reset and can't be made again": {
    strike(trial) {
      trial.connecting = (host) => host === VICTIM ? refuse() : undefined;
      trial.victims.at(-1)!.befall("reset");
    },
    phases: ["OPEN sent", "streaming", "half-closed", "replied"],
  },
  "a channel is closed": ofPath("closed"),
  "a channel drops all in silence": ofPath("black-holed", hang),
  "a channel slows down to 200 bytes a second": ofPath("slowed to a crawl"),
  "a channel takes 300 ms more than the others": ofPath("delayed"),
  "bytes of a channel come twice": ofPath("doubled"),
  "a channel's address goes away": ofPath("black-holed", noRoute),
  "the server handler is killed": {
    before: (trial) => trial.connecting = refuseChannels,
    strike(trial) {
      trial.connecting = refuseChannels;
      trial.killServer();
    },
    phases: PHASES,
  },
  "the server handler is killed and started again": {
    before: () => {},
    strike: (trial) => trial.killServer(),
    phases: PHASES,
  },
  "the application is killed": {
    strike: (_, session) => session!.kill(),
    phases: PHASES.filter((phase) => phase !== "connecting" && phase !== "between sessions"),
  },
  "the target refuses": ofConnecting(TARGET.host, refuse),
  "the target can't be reached": ofConnecting(TARGET.host, noRoute),
  "the target does not answer": ofConnecting(TARGET.host, hang),
  "the target resets": { target: "resets", phases: ["connecting"] },
  "the target resets in the middle of its reply": { target: "resets while it replies", phases: ["connecting"] },
  // Connecting takes as long as the request, which is then in one write.
  "the target closes without reading": { ...ofConnecting(TARGET.host, settle), target: "closes early" },
  "the client handler has no files left": ofConnecting(VICTIM, outOfFiles),
  "the machine has no files left": ofConnecting(VICTIM, outOfFilesInAll),
  "the server handler has no files left for the target": ofConnecting(TARGET.host, outOfFiles),
  "the clock jumps by ten years, to and fro": {
    before: (trial) => trial.jump(),
    strike: (trial) => trial.jump(),
    phases: PHASES,
  },
} satisfies Record<string, Fault>;

/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;
