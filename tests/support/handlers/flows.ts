/** Flows whose far end the test plays. */
import type { Flow, FlowOpener, FlowOrigin } from "../../../src/client/ingress/flow_origin.ts";

/** A flow that a way in has opened. Its far end ends it by `close`, too. */
export class PlayedFlow implements Flow {
  /** Payloads with their traffic classes, as `hex class`. */
  readonly sent: string[] = [];
  isOver = false;

  constructor(readonly origin: FlowOrigin) {}

  send(payload: Uint8Array, trafficClass: number): void {
    if (!this.isOver) this.sent.push(`${payload.toHex()} ${trafficClass}`);
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    queueMicrotask(() => this.origin.ended());
  }
}

/** Opens {@linkcode PlayedFlow}s. */
export class PlayedFlows implements FlowOpener {
  /** All that were opened. */
  readonly opened: PlayedFlow[] = [];

  open(origin: FlowOrigin): PlayedFlow {
    const flow = new PlayedFlow(origin);
    this.opened.push(flow);
    return flow;
  }

  cut(): void {}

  /** Number of those that are not over. */
  get size(): number {
    return this.opened.filter(({ isOver }) => !isOver).length;
  }
}
