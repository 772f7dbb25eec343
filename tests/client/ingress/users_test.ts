import { assertEquals, assertThrows } from "@std/assert";
import { Users } from "../../../src/client/ingress/users.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const knows = (users: Users, user: string, password: string) => users.verify(bytes(user), bytes(password));

Deno.test("a user is verified by the file's password, byte for byte", () => {
  const users = new Users("alice:se:cret\r\n\n# carol:c\nbob: b \nd\u00e9:\u00e9\n");
  for (const [user, password] of [["alice", "se:cret"], ["bob", " b "], ["d\u00e9", "\u00e9"]]) {
    assertEquals(knows(users, user!, password!), true, user);
  }
  const wrong = [
    ["alice", "se:cre"],
    ["alice", "se:crett"],
    ["alice", ""],
    ["alice:se", "cret"],
    ["alic", "ese:cret"],
    ["Alice", "se:cret"],
    ["", "alicese:cret"],
    ["# carol", "c"],
    ["carol", "c"],
    ["bob", "b"],
    ["bob", "se:cret"],
    ["de\u0301", "\u00e9"],
    ["", ""],
  ];
  for (const [user, password] of wrong) assertEquals(knows(users, user!, password!), false, `${user}:${password}`);
  assertEquals(users.verify(Uint8Array.of(0xff), Uint8Array.of(0xfe)), false);
  assertEquals(users.verify(new Uint8Array(8000), new Uint8Array(8000)), false);
});

Deno.test("names and passwords have 1 to 255 bytes", () => {
  const [most, more] = ["\u00e9".repeat(127) + "x", "\u00e9".repeat(128)];
  assertEquals(knows(new Users(`${most}:${most}`), most, most), true);
  assertThrows(() => new Users(`a:b\n${more}:b`), SyntaxError, "line 2 has a user of 256 bytes; write 1 to 255");
  assertThrows(() => new Users(`a:${more}`), SyntaxError, "line 1 has a password of 256 bytes");
  assertThrows(() => new Users(":b"), SyntaxError, "line 1 has a user of 0 bytes");
  assertThrows(() => new Users("a:"), SyntaxError, "line 1 has a password of 0 bytes");
});

Deno.test("errors in a file name the line, and quote nothing", () => {
  assertThrows(() => new Users("a:b\n\nsecret\n"), SyntaxError, "line 3 has no colon; write user:password");
  assertThrows(() => new Users("a:b\nb:c\na:d"), SyntaxError, "line 3 repeats a user; give each user once");
  assertThrows(() => new Users("# a:b\n\n"), SyntaxError, "no user; write lines user:password");
});
