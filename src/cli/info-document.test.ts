import { describe, expect, test } from "bun:test";
import type { EngineInfo } from "../store/info.ts";
import { infoDocument } from "./info-document.ts";
import { compileTemplate } from "./template/template.ts";

const info: EngineInfo = {
  architecture: "amd64",
  cgroupManager: "systemd",
  cgroupVersion: 2,
  cgroupControllers: ["cpu", "memory"],
  canLimit: true,
  conmon: { path: "/usr/bin/conmon", version: "conmon version 2" },
  runtime: { name: "crun", path: "/usr/bin/crun", version: "crun version 1" },
  cpus: 4,
  distribution: { id: "debian", version: "12", name: "Debian GNU/Linux 12" },
  eventLogger: "file",
  hostname: "box",
  kernel: "6.1",
  logDriver: "k8s-file",
  memoryBytes: 1000,
  freeMemoryBytes: 500,
  swapBytes: 0,
  freeSwapBytes: 0,
  uptimeSeconds: 7200,
  isRootless: true,
  hasAppArmor: false,
  hasSelinux: false,
  hasSeccomp: true,
  capabilities: ["CHOWN", "CAP_KILL"],
  idMappings: { uids: [{ container_id: 0, host_id: 1000, size: 1 }], gids: [] },
  root: "/root",
  run: "/run",
  volumes: "/root/volumes",
  storageDriver: "overlay",
  fileSystem: "extfs",
  diskBytes: 10,
  usedDiskBytes: 5,
  images: 7,
  containers: { running: 1, paused: 2, all: 6 },
  maxStorageBytes: null,
};

describe("infoDocument()", () => {
  test.each([
    // as scripts ask Podman
    ["{{.Host.Arch}} {{.Host.OS}} {{.Host.CPUs}}", "amd64 linux 4"],
    ["{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}", "crun /usr/bin/crun"],
    ["{{.Host.Security.Rootless}} {{.Host.Security.SECCOMPEnabled}}", "true true"],
    ["{{.Host.Security.DefaultCapabilities}}", "CAP_CHOWN,CAP_KILL"],
    ["{{.Host.CgroupsVersion}} {{.Host.CgroupManager}}", "v2 systemd"],
    ["{{.Store.GraphRoot}} {{.Store.RunRoot}} {{.Store.VolumePath}}", "/root /run /root/volumes"],
    ["{{.Store.ImageStore.Number}} {{.Store.ContainerStore.Stopped}}", "7 3"],
    ['{{index .Store.GraphStatus "Backing Filesystem"}}', "extfs"],
    ["{{range .Host.IDMappings.UIDMap}}{{.host_id}}{{end}}", "1000"],
    // and Docker
    [
      "{{.Driver}} {{.DockerRootDir}} {{.CgroupDriver}} {{.CgroupVersion}}",
      "overlay /root systemd 2",
    ],
    ["{{.Containers}} {{.ContainersRunning}} {{.Images}} {{.NCPU}}", "6 1 7 4"],
    ["{{.OSType}}/{{.Architecture}} {{.OperatingSystem}}", "linux/x86_64 Debian GNU/Linux 12"],
    [
      "{{json .SecurityOptions}}",
      '["name=seccomp,profile=builtin","name=rootless","name=cgroupns"]',
    ],
    ["{{.Swarm.LocalNodeState}} {{.DefaultRuntime}}", "inactive crun"],
    ["{{range .Plugins.Volume}}{{.}}{{end}}", "local"],
  ])("%s", (template, wanted) => {
    expect(compileTemplate(template).render(infoDocument(info))).toBe(wanted);
  });

  test("is encoded with the names that both peers' JSON has, and no others", () => {
    const keys = Object.keys(JSON.parse(JSON.stringify(infoDocument(info))));
    for (const key of ["host", "store", "version", "registries", "ServerVersion", "Driver"])
      expect(keys).toContain(key);
    for (const key of ["Host", "Store", "Version"]) expect(keys).not.toContain(key);
  });
});
