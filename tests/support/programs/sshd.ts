import { makeTempDir, Program, run, type RunOptions } from "./process.ts";
import { freePort } from "./programs.ts";

/** An sshd with its own keys and configuration that accepts this process's user. */
export interface Sshd extends AsyncDisposable {
  /** Its port on 127.0.0.1. */
  port: number;
  /** The `ssh` command that logs in at 127.0.0.1 and `port`, without a remote command. */
  login(port: number): string[];
}

/** Starts an sshd on a port of 127.0.0.1, by default a free one. @param options Those of its program. */
export async function startSshd(options: RunOptions = {}, port = freePort("127.0.0.1")): Promise<Sshd> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  await Promise.all(
    ["host", "user"].map((name) => run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${path}/${name}`])),
  );
  await Deno.writeTextFile(
    `${path}/config`,
    `ListenAddress 127.0.0.1:${port}
HostKey ${path}/host
AuthorizedKeysFile ${path}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
`,
  );
  const sshd = making.use(
    Program.start(withRunDirectory(["/usr/sbin/sshd", "-D", "-e", "-f", `${path}/config`]), options),
  );
  await sshd.waitForLine(/Server listening on/);
  const made = making.move();
  const settings = ["BatchMode=yes", "StrictHostKeyChecking=no", `UserKnownHostsFile=${path}/known`, "LogLevel=ERROR"];
  return {
    port,
    login: (
      port,
    ) => [
      "ssh",
      "-F",
      "none",
      "-i",
      `${path}/user`,
      ...settings.flatMap((o) => ["-o", o]),
      "-p",
      `${port}`,
      "127.0.0.1",
    ],
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** Root's sshd requires /run/sshd; if that is missing, it is made in a mount namespace that ends with sshd. */
function withRunDirectory(command: string[]): string[] {
  if (Deno.uid() !== 0) return command;
  const prepare = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"';
  return ["unshare", "--mount", "--", "sh", "-c", prepare, "sh", ...command];
}
