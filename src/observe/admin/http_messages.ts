import { text } from "./guard.ts";

/** The longest head of a request, in bytes; browsers' are shorter. */
export const MAX_HEAD = 8192;

/** The reasons of the answers that are given here (RFC 9110, section 15). */
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
 * @param bytes All that has come of it, at most {@linkcode MAX_HEAD}.
 * @returns The request, or the answer to what is none.
 */
export function parseHead(bytes: Uint8Array): Request | Response {
  // Each byte a character: what is not ASCII is for no header that matters here.
  const [head = "", ...rest] = new TextDecoder("latin1").decode(bytes).split("\r\n\r\n");
  if (rest.length === 0) return text(431, `the head of a request has at most ${MAX_HEAD} bytes`);
  const [first = "", ...lines] = head.split("\r\n");
  const [, method, path] = /^([A-Z]+) (\/\S*) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || path === undefined) return text(400, "not a request of HTTP/1.1");
  const headers = new Headers();
  try {
    for (const line of lines) {
      const colon = line.indexOf(":");
      // A name that spaces follow, or a line that goes on with another's value, means different things to others.
      if (!/^[!#$%&'*+\-.^`|~\w]+$/.test(line.slice(0, colon))) return text(400, "a header is not well formed");
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    return new Request(`http://localhost${path}`, { method, headers });
  } catch {
    return text(400, "the request is not well formed");
  }
}

/** The head of an answer, after which the connection is closed. */
export function encodeHead({ status, headers }: Response): Uint8Array {
  const lines = [...headers].filter(([name]) => name !== "connection").map(([name, value]) => `${name}: ${value}\r\n`);
  const all = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n${lines.join("")}connection: close\r\n\r\n`;
  return new TextEncoder().encode(all);
}
