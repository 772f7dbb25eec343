import { type Address, DEFAULT_PORT } from "../net/address.ts";
import { pathSyntax } from "./identify.ts";
import type { Problems } from "./problems.ts";
import type { Field } from "./schema.ts";
import { list, one, toggle } from "./shape.ts";
import { addressSyntax } from "./syntax.ts";
import type { ClientConfig } from "./types.ts";

/** The ways in beside forwards; see {@linkcode ClientConfig}. */
export const clientEntriesSchema: {
  readonly redirects: Field<readonly Address[]>;
  readonly tproxies: Field<readonly Address[]>;
  readonly socks5: Field<readonly Address[]>;
  readonly socks5Users: Field<string>;
  readonly httpConnects: Field<readonly Address[]>;
  readonly httpConnectUsers: Field<string>;
  readonly sendSource: Field<boolean>;
} = {
  redirects: {
    key: "redirect",
    flag: "redirect",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT, listen: true })),
    default: [],
    example: "[127.0.0.1:6522]",
    doc: "Where REDIRECT of iptables or nftables sends connections, on Linux",
  },
  tproxies: {
    key: "tproxy",
    flag: "tproxy",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT, listen: true })),
    default: [],
    example: '["[::]:6522"]',
    doc: "Where TPROXY of iptables or nftables sends connections, on Linux, with CAP_NET_ADMIN",
  },
  socks5: {
    key: "socks5",
    flag: "socks5",
    shape: list(addressSyntax({ listen: true })),
    default: [],
    example: "[127.0.0.1:1080]",
    doc: "A SOCKS5 way in; a server's name works as a host name",
  },
  socks5Users: {
    key: "socks5-users",
    flag: "socks5-users",
    shape: one(pathSyntax),
    example: "/etc/micss/users",
    doc: "Who may use SOCKS5: a private file of lines user:password; everybody where left out",
  },
  httpConnects: {
    key: "http-connect",
    flag: "http-connect",
    shape: list(addressSyntax({ listen: true })),
    default: [],
    example: "[127.0.0.1:3128]",
    doc: "An HTTP CONNECT way in, as to a web proxy; a server's name works as a host name",
  },
  httpConnectUsers: {
    key: "http-connect-users",
    flag: "http-connect-users",
    shape: one(pathSyntax),
    example: "/etc/micss/users",
    doc: "Who may use HTTP CONNECT: a private file of lines user:password; everybody where left out",
  },
  sendSource: {
    key: "send-source",
    flag: "send-source",
    shape: toggle,
    default: false,
    doc: "Tell server handlers where applications connect from, for their targets' PROXY headers",
  },
};

/** Adds a mistake for each file of users without a way in that asks: whoever gave it means to have one. */
export function checkUsers(config: ClientConfig, problems: Problems): void {
  const { socks5, socks5Users, httpConnects, httpConnectUsers } = config;
  if (socks5Users !== undefined && socks5.length === 0) {
    problems.at(socks5, "socks5-users without a way in; give socks5, HOST:PORT");
  }
  if (httpConnectUsers !== undefined && httpConnects.length === 0) {
    problems.at(httpConnects, "http-connect-users without a way in; give http-connect, HOST:PORT");
  }
}
