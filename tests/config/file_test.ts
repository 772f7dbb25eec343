import { assertEquals, assertThrows } from "@std/assert";
import { FileError, MAX_FILE_BYTES, readFile } from "../../src/config/file.ts";

/** Calls `use` with the path of a temporary file that contains `bytes`. */
function withFile(bytes: Uint8Array, use: (path: string) => void): void {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, bytes);
    use(path);
  } finally {
    Deno.removeSync(path);
  }
}

function checkRefused(path: string, message: string): void {
  assertEquals(assertThrows(() => readFile(path), FileError).message, message);
}

Deno.test("readFile() reads UTF-8, and removes a byte order mark", () => {
  withFile(new TextEncoder().encode("\ufeffa: é\n"), (path) => assertEquals(readFile(path), "a: é\n"));
  withFile(new Uint8Array(0), (path) => assertEquals(readFile(path), ""));
});

Deno.test("readFile() reads up to 1 MiB", () => {
  const full = new Uint8Array(MAX_FILE_BYTES).fill(32);
  withFile(full, (path) => assertEquals(readFile(path).length, MAX_FILE_BYTES));
  withFile(new Uint8Array(MAX_FILE_BYTES + 1), (path) => {
    checkRefused(path, "larger than 1 MiB; give a YAML file");
  });
});

Deno.test("readFile() reads a device, which has no size, up to the limit", {
  ignore: Deno.build.os === "windows",
}, () => {
  assertEquals(readFile("/dev/null"), "");
  checkRefused("/dev/zero", "larger than 1 MiB; give a YAML file");
});

Deno.test("readFile() reports the reason for an unreadable file", () => {
  const directory = Deno.makeTempDirSync();
  try {
    checkRefused(`${directory}/none`, "no such file; give the path of a YAML file");
    checkRefused(directory, "is a directory; give the path of a YAML file");
  } finally {
    Deno.removeSync(directory);
  }
  withFile(new Uint8Array([0x61, 0xff]), (path) => checkRefused(path, "not UTF-8; save it as UTF-8"));
  withFile(new Uint8Array(), (path) => {
    checkRefused(
      `${path}/none`,
      assertThrows(() => Deno.openSync(`${path}/none`), Error).message + "; give a readable file",
    );
  });
});

Deno.test("readFile() reports a missing Deno permission", { permissions: { read: [] } }, () => {
  checkRefused("/etc/hosts", "permission denied; allow this user, and Deno, to read it");
});

Deno.test("readFile() reports an invalid path", () => {
  checkRefused("a\0b", assertThrows(() => Deno.openSync("a\0b"), Error).message + "; give a readable file");
});
