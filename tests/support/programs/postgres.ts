import { makeTempDir, Program, run, type RunOptions } from "./process.ts";

/** The user that PostgreSQL runs as, which refuses to run as root: nobody. */
const USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];

/** Starts a PostgreSQL at port 5432 of 127.0.0.1 with an empty database, for everyone there. @param options Those of its program. */
export async function startPostgres({ within = [] }: RunOptions = {}): Promise<AsyncDisposable> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  await Deno.chmod(path, 0o777);
  const as = { within: [...within, ...USER] };
  await run(["initdb", "-D", `${path}/data`, "-U", "postgres", "-A", "trust", "-N"], as);
  const command = ["postgres", "-D", `${path}/data`, "-h", "127.0.0.1", "-p", "5432", "-k", path, "-F"];
  const server = making.use(Program.start(command, as));
  await server.waitForLine(/ready to accept connections/);
  const made = making.move();
  return { [Symbol.asyncDispose]: () => made.disposeAsync() };
}
