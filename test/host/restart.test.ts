/** The units that install.sh puts there: containers come back at boot, and are stopped in order before. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { quoted, Vm } from "./vm.ts";

let vm: Vm;
beforeAll(async () => {
  vm = await Vm.boot();
  for (const kind of ["system", "user"]) {
    for (const name of ["cooper-restart.service", "cooper-.scope.d/stop-order.conf"]) {
      const text = readFileSync(resolve(import.meta.dir, "../../systemd", kind, name), "utf8");
      const path = `/usr/local/lib/systemd/${kind}/${name}`;
      await vm.must(`mkdir -p $(dirname ${path}); printf %s ${quoted(text)} > ${path}`);
    }
  }
  await vm.must("systemctl daemon-reload; systemctl enable cooper-restart.service");
  await vm.must("systemctl --global enable cooper-restart.service; loginctl enable-linger alice");
}, 600_000);
afterAll(async () => {
  await vm[Symbol.asyncDispose]();
});

test.each([
  { user: "root", way: "orderly" },
  { user: "alice", way: "orderly" },
  { user: "root", way: "power" },
  { user: "alice", way: "power" },
] as const)(
  "containers of $user come back after a reboot ($way)",
  async ({ user, way }) => {
    await vm.must("systemctl start cooper-restart.service");
    await vm.must("systemctl --user daemon-reload; systemctl --user start cooper-restart", "alice");
    // it notes which signal it was stopped by; systemd alone would send TERM
    const note =
      'for s in TERM USR1; do trap "echo $s >> /v/signal; exit" $s; done; while :; do sleep 1; done';
    const run = (name: string, policy: string) =>
      `cooper run -d --name ${name} --restart ${policy} --stop-signal USR1 -v ${name}:/v hello sh -c ${quoted(note)}`;
    await vm.must(
      `${run("always", "always")}; ${run("unless", "unless-stopped")}; ${run("ended", "unless-stopped")}
      ${run("none", "no")}; cooper stop -t 1 ended`,
      user,
    );
    await vm.reboot(way);
    // the agent may be there before the unit has run
    await vm.must(
      `for i in $(seq 180); do [ "$(cooper ps -q | wc -l)" = 2 ] && break; sleep 1; done`,
      user,
    );
    expect(await vm.must("cooper ps --format '{{.Names}}' | sort", user)).toBe("always\nunless");
    if (way === "orderly")
      expect(await vm.must("cooper exec always cat /v/signal", user)).toBe("USR1");
    await vm.must("cooper rm -fa; cooper volume rm -a", user);
  },
  600_000,
);
