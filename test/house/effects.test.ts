/**
 * No option is read and then forgotten: each one that is neither refused nor said to be without effect
 * changes what is asked of a container, and each option of a command is looked at by that command.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandTree } from "../../src/cli/tree.ts";
import { configuredSpec } from "../../src/container/configured.ts";
import { createOptions } from "../../src/container/options/table.ts";
import { inputWith } from "../../src/container/runtime-config/input.fixture.ts";
import { runtimeConfig } from "../../src/container/runtime-config.ts";
import { emptySpec } from "../../src/container/spec.ts";
import { parseValue } from "../../src/option.ts";
import { defaultSettings } from "../../src/settings.ts";
import { sources } from "./source.ts";

const place = mkdtempSync(join(tmpdir(), "effects-"));
const file = join(place, "file");
writeFileSync(file, "A=1\n");
afterAll(() => rmSync(place, { recursive: true }));

/** A value that differs from the default, for each option; a switch is turned the other way. */
const samples: Readonly<Record<string, string>> = {
  "--add-host": "db:10.0.0.1",
  "--annotation": "a=b",
  "--arch": "arm64",
  "--attach": "stdout",
  "--blkio-weight": "100",
  "--blkio-weight-device": "/dev/vda:100",
  "--cap-add": "NET_RAW",
  "--cap-drop": "CHOWN",
  "--cgroup-conf": "memory.high=1",
  "--cgroup-parent": "/x",
  "--cgroupns": "host",
  "--cgroups": "disabled",
  "--chrootdirs": "/srv",
  "--conmon-pidfile": "/x",
  "--cpu-period": "1000",
  "--cpu-quota": "1000",
  "--cpu-rt-period": "1000",
  "--cpu-rt-runtime": "1000",
  "--cpu-shares": "5",
  "--cpus": "0.5",
  "--cpuset-cpus": "0",
  "--cpuset-mems": "0",
  "--device": "/dev/null",
  "--device-cgroup-rule": "c 1:* rwm",
  "--device-read-bps": "/dev/vda:1m",
  "--device-read-iops": "/dev/vda:1",
  "--device-write-bps": "/dev/vda:1m",
  "--device-write-iops": "/dev/vda:1",
  "--dns": "10.0.0.1",
  "--dns-option": "ndots:1",
  "--dns-search": "a.test",
  "--domainname": "d",
  "--entrypoint": "/x",
  "--env": "A=1",
  "--env-file": file,
  "--env-merge": "A=1",
  "--expose": "80",
  "--gidmap": "0:1:1",
  "--gpus": "all",
  "--group-add": "5",
  "--group-entry": "x",
  "--hostname": "h",
  "--ip": "10.0.0.2",
  "--ip6": "fd00::2",
  "--mac-address": "02:00:00:00:00:01",
  "--network-alias": "a",
  "--publish": "8080:80",
  "--secret": "s",
  "--health-cmd": "true",
  "--health-interval": "5s",
  "--health-timeout": "5s",
  "--health-retries": "5",
  "--health-start-period": "5s",
  "--health-start-interval": "7s",
  "--health-on-failure": "kill",
  "--health-log-destination": "/tmp",
  "--health-max-log-count": "9",
  "--health-max-log-size": "9",
  "--health-startup-cmd": "true",
  "--health-startup-interval": "5s",
  "--health-startup-retries": "5",
  "--health-startup-success": "5",
  "--health-startup-timeout": "5s",
  "--hosts-file": "none",
  "--hostuser": "daemon",
  "--image-volume": "ignore",
  "--init-path": "/x",
  "--ipc": "host",
  "--label": "a=b",
  "--label-file": file,
  "--log-driver": "none",
  "--log-opt": "tag=x",
  "--memory": "64m",
  "--memory-reservation": "64m",
  "--memory-swap": "64m",
  "--memory-swappiness": "5",
  "--mount": "type=tmpfs,target=/x",
  "--name": "n",
  "--network": "host",
  "--oom-score-adj": "5",
  "--os": "linux",
  "--passwd-entry": "x",
  "--personality": "linux32",
  "--pid": "host",
  "--pidfile": "/x",
  "--pids-limit": "5",
  "--platform": "linux/arm64",
  "--pull": "never",
  "--rdt-class": "x",
  "--requires": "c",
  "--restart": "always",
  "--runtime": "runc",
  "--seccomp-policy": "image",
  "--security-opt": "no-new-privileges",
  "--shm-size": "1m",
  "--shm-size-systemd": "1m",
  "--stop-signal": "INT",
  "--stop-timeout": "5",
  "--subgidname": "u",
  "--subuidname": "u",
  "--sysctl": "net.a.b=1",
  "--sdnotify": "ignore",
  "--systemd": "always",
  "--timeout": "5",
  "--tmpfs": "/x",
  "--tz": "UTC",
  "--uidmap": "0:1:1",
  "--ulimit": "nofile=5",
  "--umask": "077",
  "--unsetenv": "PATH",
  "--user": "5",
  "--userns": "auto",
  "--uts": "host",
  "--variant": "v7",
  "--volume": "/x:/y",
  "--volume-driver": "local",
  "--volumes-from": "c",
  "--workdir": "/x",
};

const real = createOptions.filter(
  ({ refuse, ignored }) => refuse === undefined && ignored === undefined,
);

describe.each(real)("$flag", (option) => {
  test("changes what is asked of a container", () => {
    const text = option.type.isSwitch ? "true" : samples[option.flag];
    if (text === undefined) throw new Error(`a sample of ${option.flag} is needed in this test`);
    const specOf = (value: string) => {
      const spec = emptySpec();
      option.apply?.(spec, parseValue(option, value, option.flag));
      return JSON.stringify(spec);
    };
    const given = specOf(text);
    // a switch that is on by default changes it when it is turned off
    const other = option.type.isSwitch ? specOf("false") : JSON.stringify(emptySpec());
    expect(given).not.toBe(other);
  });
});

/** Options of which config.json tells nothing: the engine itself acts on them. */
const notForRuntime = new Set(
  // image and its platform, names, files of ours, log, what follows the end, and who attaches
  `--name --label --label-file --log-driver --log-opt --pull --platform --os --arch --variant --pidfile --conmon-pidfile
  --restart --rm --requires --runtime --attach --stop-timeout --timeout --sdnotify --no-healthcheck --volume-driver
  --image-volume --interactive --passwd --passwd-entry --group-entry --hostuser --init-path --expose --seccomp-policy
  --add-host --dns --dns-option --dns-search --hosts-file --no-hosts --no-hostname --env-host --rootfs`.split(
    /\s+/,
  ),
);

/** Options whose objects are looked up on the host between spec and config; run.test.ts and its kin show them. */
const lookedUp = new Set(
  `--device --gpus --user --group-add --tz --volume --mount --tmpfs --volumes-from --uidmap --gidmap --userns
  --subuidname --subgidname --hostname --network --cgroup-parent --shm-size --env --env-file --chrootdirs
  --cpu-rt-period --cpu-rt-runtime --memory-swappiness --oom-kill-disable --blkio-weight-device --device-read-bps
  --device-read-iops --device-write-bps --device-write-iops --read-only-tmpfs --shm-size-systemd --memory-swap
  --unsetenv --unsetenv-all --env-merge --http-proxy --secret --publish --publish-all --ip --ip6 --mac-address
  --network-alias --link --link-local-ip`.split(/\s+/),
);

describe("options that the runtime sees", () => {
  const configOf = (flag?: string) => {
    const spec = emptySpec();
    const option = real.find((one) => one.flag === flag);
    if (option !== undefined) {
      const text = option.type.isSwitch ? "true" : (samples[option.flag] ?? "");
      option.apply?.(spec, parseValue(option, text, option.flag));
    }
    const settings = { ...defaultSettings({}, false), cgroupManager: "cgroupfs" as const };
    return JSON.stringify(
      runtimeConfig(inputWith({ spec: configuredSpec(spec, settings) })).config,
    );
  };
  const rows = real
    .map(({ flag }) => flag)
    .filter(
      (flag) =>
        !flag.startsWith("--health-") &&
        !notForRuntime.has(flag) &&
        !lookedUp.has(flag) &&
        flag in { ...samples, "--privileged": "", "--read-only": "", "--init": "", "--tty": "" },
    );

  test.each(rows)("%s changes config.json", (flag) => {
    expect(configOf(flag) === configOf()).toBe(false);
  });
});

describe("options of commands", () => {
  const text = sources("src/cli/**/*.ts")
    .map(({ path }) => readFileSync(join(import.meta.dir, "../..", path), "utf8"))
    .join("\n");
  test.each(commandTree)("$path looks at each of its options", async (entry) => {
    const command = await entry.load();
    const forgotten = Object.entries(command.options)
      .filter(([, { refuse, ignored }]) => refuse === undefined && ignored === undefined)
      .filter(([key]) => !new RegExp(`options\\??\\.${key}\\b|[{,]\\s*${key}\\s*[,}:]`).test(text))
      .map(([key]) => key);
    expect(forgotten).toEqual([]);
  });
});
