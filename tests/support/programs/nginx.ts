import { makeTempDir, Program } from "./process.ts";

/** A request that nginx answered. */
export interface Request {
  /** Its connection's number. */
  connection: number;
  /** Its position on that connection, from 1. */
  number: number;
  /** The request line. */
  line: string;
}

/** An nginx that serves the files of a directory, accepts uploads into it, and reports each request's connection. */
export interface Nginx extends AsyncDisposable {
  /** The directory that it serves; a PUT creates a file in it. */
  root: string;
  /** Resolves to the answered requests whose lines match once there are at least `count`. Default: all. */
  requests(count: number, line?: RegExp): Promise<Request[]>;
}

/**
 * Starts an nginx without the machine's configuration.
 *
 * `/closing/` has the same files as `/`, but nginx closes the connection after each answer.
 *
 * @param listen Addresses in nginx's notation: `127.0.0.1:80`, `[::1]:80`.
 * @param options.within Command prefix, such as a namespace's.
 * @param options.more Further lines of the server's configuration.
 */
export async function startNginx(
  listen: string[],
  options: { within?: readonly string[]; more?: string } = {},
): Promise<Nginx> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  await Deno.mkdir(`${path}/root`);
  await Deno.writeTextFile(`${path}/nginx.conf`, configuration(path, listen, options.more ?? ""));
  const program = making.use(Program.start(["nginx", "-p", path, "-c", `${path}/nginx.conf`, "-e", "stderr"], options));
  await program.waitForLine(/start worker process \d+/);
  const made = making.move();
  return {
    root: `${path}/root`,
    async requests(count, line = /^/) {
      const matching = () => answered(program).filter((request) => line.test(request.line));
      if (count > 0) await program.waitForLine(() => matching().length >= count, `${count}th answer`);
      return matching();
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** The requests among nginx's lines; nginx writes a line only after it has sent the answer. */
function answered(program: Program): Request[] {
  return program.lines.flatMap((text) => {
    const match = /^answered (\d+) (\d+) (.*)$/.exec(text);
    return match === null ? [] : [{ connection: Number(match[1]), number: Number(match[2]), line: match[3]! }];
  });
}

function configuration(path: string, listen: string[], more: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
worker_processes 1;
pid ${path}/pid;
error_log stderr notice;
${Deno.uid() === 0 ? "user root;" : ""}
events { worker_connections 1024; }
http {
  ${temporary.map((name) => `${name}_temp_path ${path}/${name};`).join("\n  ")}
  log_format answered 'answered $connection $connection_requests $request';
  access_log /dev/stdout answered;
  client_max_body_size 0;
  sendfile on;
  server {
    ${listen.map((address) => `listen ${address};`).join("\n    ")}
    root ${path}/root;
    dav_methods PUT;
    ${more}
    location /closing/ {
      alias ${path}/root/;
      keepalive_timeout 0;
    }
  }
}
`;
}
