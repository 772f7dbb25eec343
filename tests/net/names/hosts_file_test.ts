import { assertEquals } from "@std/assert";
import { HostsFile } from "../../../src/net/names/hosts_file.ts";

const HOSTS =
  "# comment\n127.0.0.1\tlocalhost  LocalHost.localdomain\n192.0.2.1 web.test alias # not.this\n\n::1 v6\r\n";

/** Calls `use` with a hosts file and an nsswitch.conf. */
async function withFiles(nsswitch: string | null, use: (file: HostsFile, hosts: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const [hosts, conf] = [`${directory}/hosts`, `${directory}/nsswitch.conf`];
    await Deno.writeTextFile(hosts, HOSTS);
    if (nsswitch !== null) await Deno.writeTextFile(conf, nsswitch);
    use(new HostsFile(hosts, conf), hosts);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("only names of the hosts file are found, in upper or lower case, absolute or not", async () => {
  await withFiles(null, (file) => {
    const names = ["localhost", "localhost.localdomain", "Web.Test", "web.test.", "alias", "v6"];
    assertEquals(names.map((name) => file.find(name)), [
      "localhost",
      "localhost.localdomain",
      "web.test",
      "web.test",
      "alias",
      "v6",
    ]);
    for (const name of ["192.0.2.1", "not.this", "comment", "web", ""]) assertEquals(file.find(name), undefined, name);
  });
});

Deno.test("changes of the file take effect", async () => {
  await withFiles(null, (file, hosts) => {
    assertEquals(file.find("new.test"), undefined);
    Deno.writeTextFileSync(hosts, `${HOSTS}192.0.2.7 new.test\n`);
    assertEquals(file.find("new.test"), "new.test");
    Deno.removeSync(hosts);
    assertEquals(file.find("new.test"), undefined);
  });
});

Deno.test("the file counts only if the resolver consults it before name servers", async () => {
  const cases: [nsswitch: string, found: string | undefined][] = [
    ["hosts: files dns\n", "alias"],
    ["passwd: files\n hosts:  mymachines resolve [!UNAVAIL=return] files dns\n", "alias"],
    ["hosts: dns files\n", undefined],
    ["passwd: dns\n", "alias"],
  ];
  for (const [nsswitch, found] of cases) {
    await withFiles(nsswitch, (file) => assertEquals(file.find("alias"), found, nsswitch));
  }
});
