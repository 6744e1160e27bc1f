import { describe, expect, test } from "bun:test";
import { applyOption } from "../../container/options/apply.ts";
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { Document } from "../document.ts";
import { bodyOf, updateBodyOf } from "./body.ts";
import { canonical, lostFields } from "./carried.ts";
import { specOf, updateSpecOf } from "./spec.ts";

const none = { name: null, platform: null };

function specFrom(...flags: readonly (string | undefined)[]): ContainerSpec {
  const spec = { ...emptySpec(), image: "docker.io/library/x:1" };
  for (const flag of flags) {
    if (flag === undefined) continue;
    const [name = "", text = "true"] = flag.split(/ (.*)/s, 2);
    applyOption(spec, name, text, name);
  }
  return spec;
}

/** What a service makes of it, sent as it is. */
function carried(spec: ContainerSpec): ContainerSpec {
  const body: unknown = JSON.parse(JSON.stringify(bodyOf(spec)));
  return specOf(new Document(body), none).spec;
}

const without = ({ closesStdin: _, ...spec }: ContainerSpec) => spec;

describe("specOf(bodyOf())", () => {
  test.each([
    ["nothing"],
    ["terminal and input", "--tty", "--interactive"],
    ["words", "--entrypoint /bin/sh", "--env A=1", "--env B=x y", "--label l=v", "--workdir /w"],
    ["no entrypoint", "--entrypoint "],
    ["who", "--user 1:2", "--group-add audio", "--hostname h", "--domainname d.example"],
    ["unset", "--unsetenv PATH"],
    ["health", "--health-cmd true", "--health-interval 5s", "--health-retries 2"],
    ["no health", "--no-healthcheck"],
    ["ports", "--publish 127.0.0.1:8080:80", "--publish 53:53/udp", "--publish 80"],
    ["all ports", "--publish-all"],
    ["mounts", "--volume /a:/b:ro", "--volume v:/d", "--volume /anonymous", "--tmpfs /t:size=1m"],
    ["volumes by mount", "--mount type=volume,src=v,dst=/d,volume-nocopy,volume-label=a=b"],
    ["binds by mount", "--mount type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave"],
    ["volumes from", "--volumes-from other:ro"],
    ["limits", "--memory 64m", "--cpus 1.5", "--pids-limit 7", "--cpuset-cpus 0", "--shm-size 1m"],
    ["more limits", "--memory-swap -1", "--oom-score-adj 5", "--blkio-weight 100"],
    ["files of users", "--ulimit nofile=10:20", "--device /dev/null:/dev/x:r"],
    ["rights", "--cap-add NET_ADMIN", "--cap-drop ALL", "--privileged", "--read-only"],
    ["security", "--security-opt no-new-privileges", "--security-opt seccomp=unconfined"],
    ["all of proc", "--security-opt systempaths=unconfined"],
    ["namespaces", "--pid host", "--ipc container:c", "--uts host", "--cgroupns host"],
    ["no network", "--network none"],
    ["another's network", "--network container:c"],
    ["networks", "--network n:ip=10.1.2.3,alias=a", "--network m"],
    ["addresses", "--ip 10.89.0.9", "--mac-address 92:d0:c6:0a:29:33", "--network-alias a"],
    ["names", "--dns 1.1.1.1", "--dns-search example.org", "--add-host h:1.2.3.4"],
    ["life", "--rm", "--stop-signal SIGUSR1", "--stop-timeout 3", "--init"],
    ["without init", "--init false"],
    ["restarts", "--restart on-failure:3"],
    ["logs", "--log-driver none", "--log-opt max-size=1m"],
    ["kernel", "--sysctl net.ipv4.ip_forward=1", "--annotation a=b", "--runtime runc"],
    ["gpus", "--gpus all"],
  ] as [string, ...string[]][])("%s", (_, ...flags: string[]) => {
    const spec = specFrom(...flags);
    expect(without(canonical(carried(spec)))).toEqual(without(canonical(spec)));
    expect(lostFields(spec)).toEqual([]);
  });

  test("a range of ports becomes its ports", () => {
    const { ports } = carried(specFrom("--publish 8000-8001:80-81")).networking;
    expect(
      ports.map(({ hostPort, containerPort, count }) => [hostPort, containerPort, count]),
    ).toEqual([
      [8000, 80, 1],
      [8001, 81, 1],
    ]);
  });

  test.each([
    ["--umask 077", "umask"],
    ["--tz Europe/Berlin", "timezone"],
    ["--systemd always", "systemd"],
    ["--hosts-file none", "networking.hostsFile"],
    ["--shm-size-systemd 1m", "resources.shmSizeSystemdBytes"],
    ["--userns keep-id", "userns"],
  ])("%s is not held by it", (flag, field) => {
    expect(lostFields(specFrom(flag))).toEqual([field]);
  });

  test("limits go through an update", () => {
    const spec = specFrom("--memory 64m", "--restart always");
    const body: unknown = JSON.parse(JSON.stringify(updateBodyOf(spec, true)));
    expect(updateSpecOf(new Document(body))).toEqual({ ...spec, image: null });
  });

  test("no restarts at all are asked for in words, and only when they are asked for", () => {
    const spec = specFrom("--restart no");
    expect(updateBodyOf(spec, true)).toEqual({
      RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    });
    expect(updateBodyOf(spec, false)).toEqual({});
  });
});
