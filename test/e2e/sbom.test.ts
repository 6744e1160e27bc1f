import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

describe.each(everybody)("image sbom as $who", ({ user }) => {
  test("lists what an image's layers hold, without what an upper layer removed", async () => {
    await using host = await testHost(user);
    const make = [
      "mkdir -p /var/lib/dpkg /srv/node_modules/left /srv/node_modules/gone",
      "printf 'Package: libc6\\nVersion: 2.36\\nArchitecture: amd64\\n' > /var/lib/dpkg/status",
      `echo '{"name":"left","version":"1.0.0"}' > /srv/node_modules/left/package.json`,
      `echo '{"name":"gone","version":"1.0.0"}' > /srv/node_modules/gone/package.json`,
    ].join("; ");
    await host.must("run", "--name", "a", "hello", "sh", "-c", make);
    await host.must("commit", "-q", "a", "one");
    await host.must("run", "--name", "b", "one", "rm", "-r", "/srv/node_modules/gone");
    await host.must("commit", "-q", "b", "two");
    const rows = (await host.must("image", "sbom", "two"))
      .split("\n")
      .map((row) => row.split(/ +/));
    expect(rows.slice(1)).toEqual([
      ["libc6", "2.36", "deb", "/var/lib/dpkg/status"],
      ["left", "1.0.0", "npm", "/srv/node_modules/left/package.json"],
    ]);
    const spdx = await host.must("image", "sbom", "--format", "spdx-json", "two");
    expect(JSON.parse(spdx).packages).toHaveLength(3);
    const file = join(host.place("files"), "bom");
    await host.must("image", "sbom", "--format", "cyclonedx-json", "-o", file, "two");
    expect(JSON.parse(readFileSync(file, "utf8")).components).toHaveLength(2);
    expect((await host.must("image", "sbom", "--format", "spdx-json", "two")) === spdx).toBe(true);
    expect(await host.cooper("image", "sbom", "none")).toMatchObject({ exitCode: 125 });
  });
});
