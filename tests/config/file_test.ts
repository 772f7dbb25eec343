import { assertEquals, assertThrows } from "@std/assert";
import { FileError, MAX_FILE_BYTES, readFile } from "../../src/config/file.ts";

/** Gives `use` the path of a file that has `bytes`, and removes it. */
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

Deno.test("readFile() reads UTF-8, without its mark", () => {
  withFile(new TextEncoder().encode("\ufeffa: é\n"), (path) => assertEquals(readFile(path), "a: é\n"));
  withFile(new Uint8Array(0), (path) => assertEquals(readFile(path), ""));
});

Deno.test("readFile() reads 1 MiB, and not a byte more", () => {
  const full = new Uint8Array(MAX_FILE_BYTES).fill(32);
  withFile(full, (path) => assertEquals(readFile(path).length, MAX_FILE_BYTES));
  withFile(new Uint8Array(MAX_FILE_BYTES + 1), (path) => {
    checkRefused(path, "over 1 MiB; give a YAML file");
  });
});

Deno.test("readFile() reads what has no size, such as a device, to its limit", {
  ignore: Deno.build.os === "windows",
}, () => {
  assertEquals(readFile("/dev/null"), "");
  checkRefused("/dev/zero", "over 1 MiB; give a YAML file");
});

Deno.test("readFile() says what is wrong with a file that it can't read", () => {
  const directory = Deno.makeTempDirSync();
  try {
    checkRefused(`${directory}/none`, "no such file; give the path of a YAML file");
    checkRefused(directory, "a directory; give the path of a YAML file");
  } finally {
    Deno.removeSync(directory);
  }
  withFile(new Uint8Array([0x61, 0xff]), (path) => checkRefused(path, "no UTF-8 text; save it as UTF-8"));
  withFile(new Uint8Array(), (path) => {
    checkRefused(
      `${path}/none`,
      assertThrows(() => Deno.openSync(`${path}/none`), Error).message + "; give a readable file",
    );
  });
});

Deno.test("readFile() says so where Deno may not read", { permissions: { read: [] } }, () => {
  checkRefused("/etc/hosts", "permission denied; let this user, and Deno, read it");
});

Deno.test("readFile() says so where the name is none", () => {
  checkRefused("a\0b", assertThrows(() => Deno.openSync("a\0b"), Error).message + "; give a readable file");
});
