import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { fastestChacha20, loadOpensslChacha20, withOpenssl } from "../../src/sharing/chacha20.ts";
import { MAX_CIPHERED, type StreamCipher, wasmChacha20 } from "../../src/sharing/stream_cipher.ts";
import { concat } from "../../src/wire/concat.ts";
import { bytes, cutsOf, fc, record } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { chacha20Slowly } from "./chacha20_slowly.ts";

const openssl = loadOpensslChacha20();

const WAYS: Readonly<Record<string, StreamCipher | null>> = {
  WebAssembly: wasmChacha20,
  OpenSSL: openssl,
  "the fastest way": fastestChacha20(),
  "the tests' own way": (key, [from], [into]) => into!.set(chacha20Slowly(key, from!)),
};

/** The ways of src that this system has. */
const FAST = Object.entries(WAYS).filter(([way, cipher]) => cipher !== null && way !== "the tests' own way") as [
  string,
  StreamCipher,
][];

function encrypted(cipher: StreamCipher, key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const into = new Uint8Array(message.length);
  cipher(key, [message], [into]);
  return into;
}

const ZEROS = "0".repeat(64);

/** Blocks of key streams with a nonce of zeros, of RFC 8439's appendix A.1; the first is that of A.2 as well. */
const PUBLISHED: readonly { name: string; key: string; counter: number; block: string }[] = [
  {
    name: "A.1 #1",
    key: ZEROS,
    counter: 0,
    block: "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7" +
      "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
  },
  {
    name: "A.1 #2",
    key: ZEROS,
    counter: 1,
    block: "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed" +
      "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
  },
  {
    name: "A.1 #3",
    key: "1".padStart(64, "0"),
    counter: 1,
    block: "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a" +
      "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
  },
  {
    name: "A.1 #4",
    key: "00ff".padEnd(64, "0"),
    counter: 2,
    block: "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca" +
      "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096",
  },
];

for (const [way, cipher] of Object.entries(WAYS)) {
  const ignore = cipher === null;
  Deno.test({
    name: `${way} gives the key streams that RFC 8439 publishes${ignore ? " (ignored: needs libcrypto)" : ""}`,
    ignore,
    fn() {
      for (const { name, key, counter, block } of PUBLISHED) {
        const stream = encrypted(cipher!, Uint8Array.fromHex(key), new Uint8Array(64 * (counter + 1)));
        assertEquals(stream.subarray(64 * counter).toHex(), block, name);
      }
    },
  });
}

/** Every length up to some steps of four blocks, and those around greater multiples and the longest. */
const LENGTHS = [
  ...Array.from({ length: 601 }, (_, length) => length),
  ...[1024, 4096, 65_536, MAX_CIPHERED].flatMap((edge) => [-65, -64, -17, -16, -15, -1, 0].map((by) => edge + by)),
  ...[1025, 8201, 65_537, 65_551],
];

Deno.test("every way gives the same ciphertext at every length around the edges of blocks, at any offset", () => {
  const random = new Random(1);
  for (const length of LENGTHS) {
    const offset = random.below(9), key = random.bytes(32), message = random.bytes(offset + length).subarray(offset);
    const before = [key.slice(), message.slice()], ciphertext = chacha20Slowly(key, message).toHex();
    for (const [way, cipher] of FAST) {
      const buffer = new Uint8Array(offset + length + 9).fill(0xa5), into = buffer.subarray(offset, offset + length);
      cipher(key, [message], [into]);
      assertEquals(into.toHex(), ciphertext, `${way}, ${length} bytes`);
      const around = [...buffer.subarray(0, offset), ...buffer.subarray(offset + length)];
      assertEquals(around, Array(offset + 9).fill(0xa5), `${way}, around ${length} bytes`);
    }
    assertEquals([key, message], before);
  }
});

Deno.test("a message cut anywhere, in place or into other arrays, gives the same ciphertext; a second time, itself", () => {
  const cases = record({
    key: bytes(32, 32),
    // Two sets of parts: those to encrypt, and those of the ciphertext to decrypt.
    parts: bytes(0, 900).chain((whole) => fc.tuple(fc.constant(whole), cutsOf(whole, 6), cutsOf(whole, 6))),
    inPlace: fc.boolean(),
  });
  for (const [way, cipher] of FAST) {
    fc.assert(fc.property(cases, ({ key, parts: [whole, parts, others], inPlace }) => {
      const ciphertext = chacha20Slowly(key, whole), keyBefore = key.slice();
      const from = parts.map((part) => part.slice());
      const into = inPlace ? from : from.map(({ length }) => new Uint8Array(length));
      cipher(key, from, into);
      assertEquals(concat(into), ciphertext, way);
      if (!inPlace) assertEquals(concat(from), whole.slice(), way);
      let at = 0;
      const back = others.map(({ length }) => ciphertext.subarray(at, at += length));
      cipher(key, back, back);
      assertEquals([concat(back), key], [whole.slice(), keyBefore], way);
    }));
  }
});

Deno.test("a message of more than 65,552 bytes is refused, and what was encrypted before does not change what follows", () => {
  const random = new Random(2), key = random.bytes(32), short = random.bytes(5);
  const before = encrypted(wasmChacha20, key, short);
  assertThrows(() => encrypted(wasmChacha20, key, new Uint8Array(65_553)), RangeError, "65553 bytes");
  const parts = [new Uint8Array(65_552), new Uint8Array(1)];
  assertThrows(() => wasmChacha20(key, parts, parts), RangeError, "65553 bytes");
  assertEquals(parts[0]!.some((byte) => byte !== 0), false);
  for (const [way, cipher] of FAST) {
    encrypted(cipher, random.bytes(32), random.bytes(65_552));
    assertEquals(encrypted(cipher, key, short), before, way);
  }
});

Deno.test("WebAssembly's memory does not keep a key", async () => {
  const { Instance } = WebAssembly, memories: WebAssembly.Memory[] = [];
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module) {
      super(module);
      memories.push(this.exports.memory as WebAssembly.Memory);
    }
  };
  // A second copy of the file, whose memory is seen.
  const copy = new URL("../../src/sharing/stream_cipher.ts?observed", import.meta.url).href;
  const { wasmChacha20: cipher }: { wasmChacha20: StreamCipher } = await import(copy)
    .finally(() => WebAssembly.Instance = Instance);
  const random = new Random(3), key = random.bytes(32), message = random.bytes(3000);
  const ciphertext = encrypted(cipher, key, message).toHex(), memory = new Uint8Array(memories[0]!.buffer).toHex();
  assertEquals([memories.length, ciphertext], [1, chacha20Slowly(key, message).toHex()]);
  assertEquals(memory.includes(ciphertext), true, "this is the memory");
  for (let at = 0; at <= 32 - 4; at++) assertEquals(memory.includes(key.subarray(at, at + 4).toHex()), false);
});

Deno.test("an OpenSSL that is missing, fails, or encrypts wrongly is not used", () => {
  assertStrictEquals(withOpenssl(null), wasmChacha20);
  assertStrictEquals(withOpenssl(() => {}), wasmChacha20);
  assertStrictEquals(
    withOpenssl(() => {
      throw new Error("OpenSSL did not encrypt");
    }),
    wasmChacha20,
  );
  // Right for the published block only, for what is short, and for a message in one part.
  const published = Uint8Array.fromHex(PUBLISHED[0]!.block);
  const wrong: StreamCipher[] = [
    (_, __, [first, second]) => {
      first!.set(published.subarray(0, first!.length));
      second!.set(published.subarray(first!.length).subarray(0, second!.length));
    },
    (key, from, into) => wasmChacha20(key, from.map((part) => part.subarray(0, 4000)), into),
    (key, from, into) => from.forEach((part, index) => wasmChacha20(key, [part], [into[index]!])),
  ];
  for (const cipher of wrong) assertStrictEquals(withOpenssl(cipher), wasmChacha20);
  const right: StreamCipher = (key, from, into) => wasmChacha20(key, from, into);
  assertStrictEquals(withOpenssl(right), right);
});

/** The functions of OpenSSL that are called. */
const FUNCTIONS = ["EVP_CIPHER_CTX_new", "EVP_chacha20", "EVP_EncryptInit_ex", "EVP_EncryptUpdate"] as const;

/** Loads a library that a test plays. @param functions Those that differ from functions that succeed. */
function played(functions: Readonly<Record<string, unknown>>): StreamCipher | null {
  const { dlopen } = Deno,
    symbols: Record<string, unknown> = {
      EVP_CIPHER_CTX_new: () => ({}),
      EVP_chacha20: () => ({}),
      EVP_EncryptInit_ex: () => 1,
      EVP_EncryptUpdate: (_: unknown, __: unknown, written: Uint8Array, ___: unknown, length: number) => {
        new DataView(written.buffer).setInt32(0, length, true);
        return 1;
      },
      ...functions,
    };
  const lacking = FUNCTIONS.some((name) => symbols[name] === undefined);
  Deno.dlopen = (() => {
    if (lacking) throw new TypeError("Failed to register symbol");
    return { symbols, close() {} };
  }) as unknown as typeof Deno.dlopen;
  try {
    return loadOpensslChacha20();
  } finally {
    Deno.dlopen = dlopen;
  }
}

Deno.test("an OpenSSL without ChaCha20 is none; one that fails later throws, and never returns plaintext as done", () => {
  assertEquals(played({ EVP_chacha20: undefined }), null);
  assertEquals(played({ EVP_chacha20: () => null }), null);
  assertEquals(played({ EVP_CIPHER_CTX_new: () => null }), null);
  assertEquals(played({ EVP_EncryptInit_ex: () => 0 }), null);
  const key = new Uint8Array(32), parts = [new Uint8Array(5), new Uint8Array(0), new Uint8Array(7)];
  played({})!(key, parts, parts);
  let left = 2;
  for (
    const failing of [
      { EVP_EncryptInit_ex: () => left-- > 1 ? 1 : 0 },
      { EVP_EncryptUpdate: () => 0 },
      { EVP_EncryptUpdate: () => 1 },
    ]
  ) assertThrows(() => played(failing)!(key, parts, parts), Error, "OpenSSL did not encrypt");
});

Deno.test("OpenSSL's context does not keep a key", () => {
  const keys: (string | null)[] = [];
  const cipher = played({
    EVP_EncryptInit_ex: (_: unknown, __: unknown, ___: unknown, key: Uint8Array) => {
      keys.push(key.toHex());
      return 1;
    },
    EVP_EncryptUpdate: () => 0,
  })!;
  const key = new Random(4).bytes(32), message = [new Uint8Array(9)];
  assertThrows(() => cipher(key, message, message));
  assertEquals(keys.slice(1), [key.toHex(), ZEROS]);
});
