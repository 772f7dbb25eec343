/** A client that is not attacked, and must not be affected. */
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import type { Random } from "../support/random/random.ts";

/** Talks to the echo in one session throughout, and in a new one at the end. */
export class Bystander {
  /** Its failures. */
  readonly disturbed: string[] = [];
  #application: Connection | null = null;

  /** @param connect Connects to the echo. */
  constructor(
    readonly connect: () => Promise<Connection>,
    readonly random: Random,
    readonly settle: () => Promise<void>,
  ) {}

  /** Sends something and expects it back immediately. */
  async talk(when: string): Promise<void> {
    this.#application ??= await this.connect();
    const said = this.random.bytes(16), heard = new Uint8Array(16);
    let done = false;
    const talking = (async () => {
      await writeAll(this.#application!, said);
      await readFull(this.#application!, heard);
      done = said.every((byte, at) => byte === heard[at]);
    })();
    talking.catch(() => {});
    await this.settle();
    if (!done) this.disturbed.push(`the bystander's session broke ${when}`);
  }

  /** Ends the session, expects an orderly end, and runs another one. */
  async end(): Promise<void> {
    await this.#hangUp("its end");
    await this.talk("when it was new");
    await this.#hangUp("the new one's end");
  }

  async #hangUp(which: string): Promise<void> {
    const application = this.#application!;
    this.#application = null;
    let end: number | null | "none" = "none";
    const ending = (async () => {
      await application.closeWrite();
      end = await application.read(new Uint8Array(1));
    })();
    ending.catch(() => {});
    await this.settle();
    if (end !== null) this.disturbed.push(`the bystander did not hear ${which}`);
    application.close();
  }
}
