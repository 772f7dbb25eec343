import type { ClientConfig } from "../../config/types.ts";
import type { Address } from "../../net/address.ts";
import type { Connection } from "../../net/connection.ts";
import type { Entry } from "./arrival.ts";
import { HttpConnectEntry } from "./http_connect.ts";
import { Socks5Entry } from "./socks5.ts";
import { ForwardEntry, RedirectEntry, TproxyEntry } from "./unasked.ts";
import type { Users } from "./users.ts";

/** Who may use the ways in that can ask; everybody where left out. */
export interface IngressUsers {
  /** Of every SOCKS5 way in. */
  readonly socks5?: Users;
  /** Of every HTTP CONNECT way in. */
  readonly httpConnect?: Users;
}

/** All ways in that a configuration names. @param originalDestination As {@linkcode RedirectEntry} needs it. */
export function makeEntries(
  { forwards, redirects, tproxies, socks5, httpConnects }: ClientConfig,
  users: IngressUsers,
  originalDestination: (connection: Connection) => Address | undefined,
): Entry[] {
  return [
    ...forwards.map((forward) => new ForwardEntry(forward)),
    ...redirects.map((listen) => new RedirectEntry(listen, originalDestination)),
    ...tproxies.map((listen) => new TproxyEntry(listen)),
    ...socks5.map((listen) => new Socks5Entry(listen, users.socks5)),
    ...httpConnects.map((listen) => new HttpConnectEntry(listen, users.httpConnect)),
  ];
}
