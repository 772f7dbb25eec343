import { makeTempDir, Program } from "./process.ts";

/** One request that nginx answered. */
export interface Request {
  /** Its connection's number. */
  connection: number;
  /** Its own number on that connection, from 1. */
  number: number;
  /** Its first line. */
  line: string;
}

/** An nginx that serves the files of a directory, takes uploads into it, and says which connection asked for what. */
export interface Nginx extends AsyncDisposable {
  /** The directory that it serves; a PUT makes a file in it. */
  root: string;
  /** What it has answered so far, as soon as that is at least `count` requests. */
  requests(count: number): Promise<Request[]>;
}

/**
 * Starts an nginx of its own, with nothing of the machine's configuration.
 *
 * `/closing/` has the same files as `/`, and nginx closes the connection after each answer.
 *
 * @param listen Where it listens, as nginx writes it: `127.0.0.1:80`, `[::1]:80`.
 * @param options.within The command to put in front: a namespace's.
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
    async requests(count) {
      if (count > 0) await program.waitForLine(() => answered(program).length >= count, `${count}th answer`);
      return answered(program);
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** The requests among nginx's lines; it writes one only after it has sent the answer. */
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
