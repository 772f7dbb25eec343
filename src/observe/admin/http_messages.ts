import { text } from "./guard.ts";

/** Maximum length of a request's head, in bytes; browsers' are shorter. */
export const MAX_HEAD = 8192;

/** Reason phrases of the status codes in use (RFC 9110, section 15). */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/**
 * Parses the head of a request (RFC 9112, sections 3 and 5).
 *
 * @param bytes The bytes received, at most {@linkcode MAX_HEAD}.
 * @returns The request, or the answer to a malformed one.
 */
export function parseHead(bytes: Uint8Array): Request | Response {
  // One character per byte: headers that matter here are ASCII.
  const [head = "", ...rest] = new TextDecoder("latin1").decode(bytes).split("\r\n\r\n");
  if (rest.length === 0) return text(431, `the request's head must have at most ${MAX_HEAD} bytes`);
  const [first = "", ...lines] = head.split("\r\n");
  const [, method, path] = /^([A-Z]+) (\/\S*) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || path === undefined) return text(400, "not an HTTP/1.1 request");
  const headers = new Headers();
  try {
    for (const line of lines) {
      const colon = line.indexOf(":");
      // Other parsers read spaces after a name and continuation lines differently.
      if (!/^[!#$%&'*+\-.^`|~\w]+$/.test(line.slice(0, colon))) return text(400, "malformed header");
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    return new Request(`http://localhost${path}`, { method, headers });
  } catch {
    return text(400, "malformed request");
  }
}

/** Encodes the head of an answer after which the connection is closed. */
export function encodeHead({ status, headers }: Response): Uint8Array {
  const lines = [...headers].filter(([name]) => name !== "connection").map(([name, value]) => `${name}: ${value}\r\n`);
  const all = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n${lines.join("")}connection: close\r\n\r\n`;
  return new TextEncoder().encode(all);
}
