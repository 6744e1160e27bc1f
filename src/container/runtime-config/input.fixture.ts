/** An input for tests: a root container on a quiet host, changed where a test wants it otherwise. */

import type { ImageConfig, ProcessConfig } from "../../oci/image-config.ts";
import { defaultSettings, type Settings } from "../../settings.ts";
import { configuredSpec } from "../configured.ts";
import { type ContainerSpec, emptySpec, type Resources } from "../spec.ts";
import { allCapabilities } from "./capabilities.ts";
import { noEdits, type RuntimeInput } from "./input.ts";

/** What a test changes. */
export interface Changes {
  readonly spec?: Partial<Omit<ContainerSpec, "resources">> & {
    readonly resources?: Partial<Resources>;
  };
  readonly image?: ProcessConfig | null;
  readonly settings?: Partial<Settings>;
  readonly input?: Partial<Omit<RuntimeInput, "spec" | "image" | "settings">>;
}

/** The id of the container in tests. */
export const testId = "0123456789abcdef".repeat(4);

/** An ordinary one. */
export function inputWith({
  spec = {},
  image = { Cmd: ["/bin/sh"] },
  settings = {},
  input = {},
}: Changes = {}): RuntimeInput {
  const empty = emptySpec();
  const allSettings: Settings = {
    ...defaultSettings({}, false),
    cgroupManager: "cgroupfs",
    ...settings,
  };
  const config: ImageConfig | null =
    image === null
      ? null
      : {
          architecture: "amd64",
          os: "linux",
          config: image,
          rootfs: { type: "layers", diff_ids: [] },
        };
  return {
    id: testId,
    name: "quiet_test",
    spec: configuredSpec(
      { ...empty, ...spec, resources: { ...empty.resources, ...spec.resources } },
      allSettings,
    ),
    image: config,
    settings: allSettings,
    rootfsPath: "/run/cooper/c/x/merged",
    user: { uid: 0, gid: 0, additionalGids: [], name: "root", home: "/root" },
    terminalSize: null,
    mounts: [],
    files: {
      hosts: "/files/hosts",
      resolvConf: "/files/resolv.conf",
      hostname: "/files/hostname",
      containerEnv: "/files/containerenv",
    },
    shmPath: "/run/cooper/c/x/shm",
    network: { kind: "new" },
    namespaces: {},
    idMappings: null,
    devices: [],
    notifyDirectory: null,
    edits: noEdits,
    blockDevices: {},
    cgroup: { version: 2, manager: "cgroupfs", path: "/cooper/x", canLimit: true },
    isRootless: false,
    engineIdMappings: null,
    ownRlimits: {
      nofile: { soft: 1024, hard: 4096 },
      nproc: { soft: 100, hard: 200 },
      core: { soft: 0, hard: -1 },
    },
    canRaiseRlimits: true,
    engineCapabilities: allCapabilities,
    ownOomScoreAdjust: 0,
    initPath: "/usr/bin/catatonit",
    canMountProc: true,
    canMountSysfs: true,
    hasMqueue: true,
    canSetHostname: true,
    extraMaskedPaths: [],
    hostEnv: {},
    seccompProfile: null,
    architecture: "amd64",
    kernelRelease: "6.1.0-test",
    hasApparmor: false,
    selinux: null,
    ...input,
  };
}
