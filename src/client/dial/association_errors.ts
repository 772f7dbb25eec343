import { MicssError } from "../../errors/errors.ts";

/** All associations carry as many sessions as the server handler grants. */
export class Full extends MicssError {
  /** @param count Number of associations. @param name The server's name. */
  constructor(count: number, name: string) {
    super(`all ${count} associations with ${name} carry as many sessions as the server handler allows`, {
      hint: "raise limits.streams on the server, or associations here",
    });
  }
}

/** The handler may open no further files. */
export class NoRoom extends MicssError {
  /** Creates the error. */
  constructor(what = "another association") {
    super(`no room for ${what}`, { hint: "raise the limit of open files" });
  }
}
