import { type Address, formatAddress } from "../net/address.ts";
import { textSchema } from "./json_schema.ts";
import type { Field } from "./schema.ts";
import { scalar } from "./shape.ts";
import { quote } from "./problems.ts";
import { addressSyntax, type Syntax } from "./syntax.ts";

/** Address of the admin interface: TCP, or the path of a UNIX socket. */
export type AdminAddress = Address | { readonly path: string };

/** Admin address that `micss status` asks by default. */
export const DEFAULT_ADMIN: Address = { host: "127.0.0.1", port: 9652 };

const tcp = addressSyntax({ listen: true });

/** `HOST:PORT`, or `unix:` and a path. */
export const adminSyntax: Syntax<AdminAddress> = {
  placeholder: "HOST:PORT|unix:PATH",
  means: "an address and a port, or the absolute path of a UNIX socket: 127.0.0.1:9652, unix:/run/micss/admin.sock",
  schema: { anyOf: [textSchema("unix:/.*"), tcp.schema] },
  parse(text) {
    const path = /^unix:(.*)$/s.exec(text)?.[1];
    if (path === undefined) return tcp.parse(text);
    // sun_path holds 108 bytes, and the socket is first created in a directory next to its final path.
    const { length } = new TextEncoder().encode(path);
    if (!path.startsWith("/") || length > 80 || path.includes("\0")) {
      throw new SyntaxError(`not a UNIX socket: ${quote(text)}; write unix: and an absolute path of at most 80 bytes`);
    }
    return { path };
  },
  format: (address) => "path" in address ? `unix:${address.path}` : formatAddress(address),
};

/** `admin` of both handlers. */
export const adminField: Field<AdminAddress> = {
  key: "admin",
  flag: "admin",
  shape: scalar(adminSyntax),
  example: "127.0.0.1:9652",
  doc: "Address of the admin interface: health, metrics, status and a web page; default: none",
};
