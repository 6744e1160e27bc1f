/** What is kept of a container: what was asked, what that resolved to, and what became of it. */
import type { ImageConfig } from "../oci/image-config.ts";
import type { ConfiguredSpec, IdMapping } from "./spec.ts";

/**
 * What is wanted of a container. Whether its process lives is asked from the kernel; see
 * `liveState()`. `starting` and `removing` are steps on the way: who finds them without their lock
 * being held knows that a process died in the middle.
 */
export type Intent =
  | "created"
  | "starting"
  | "initialized"
  | "running"
  | "paused"
  | "stopped"
  | "removing";

/** The state as users know it (podman-ps(1), `--filter status`). */
export type ContainerState =
  | "created"
  | "initialized"
  | "running"
  | "paused"
  | "restarting"
  | "stopping"
  | "exited"
  | "removing"
  | "dead";

/** How a container is connected, with the defaults decided. `bridge`: through the networks it is attached to. */
export type NetworkMode =
  | "bridge"
  | "none"
  | "host"
  | "container"
  | "path"
  | "pasta"
  | "slirp4netns";

/** What the parts of a spec resolved to when the container was made. */
export interface ResolvedContainer {
  /** Fully qualified, as it was found; empty with --rootfs. */
  readonly imageName: string;
  readonly imageDigest: string;
  readonly imageConfig: ImageConfig | null;
  /** Layer ids, lowest first. */
  readonly layers: readonly string[];
  /**
   * A step of a build: the directories that it stands on, topmost first, instead of `layers`. They are
   * no layers of the store yet, and its changes become one.
   */
  readonly buildDirectories?: readonly string[];
  /** Volumes by the place where they are mounted. */
  readonly volumes: readonly {
    readonly target: string;
    readonly name: string;
    readonly isAnonymous: boolean;
  }[];
  /** null: no user namespace of its own. */
  readonly idMappings: {
    readonly uids: readonly IdMapping[];
    readonly gids: readonly IdMapping[];
  } | null;
  readonly networkMode: NetworkMode;
  readonly logDriver: string;
  readonly logPath: string;
  readonly cgroupManager: "systemd" | "cgroupfs";
  readonly stopSignal: number;
  readonly stopTimeoutSeconds: number;
  /** How `create` was called, for inspect. */
  readonly createCommand: readonly string[];
}

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly imageId: string | null;
  /** Milliseconds since 1970, as all times; 0 is never. */
  readonly createdAt: number;
  readonly intent: Intent;
  readonly spec: ConfiguredSpec;
  readonly resolved: ResolvedContainer;
  /** In the pid namespace of the engine. */
  readonly pid: number;
  /** From processIdentity(). */
  readonly pidIdentity: string;
  readonly conmonPid: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restartCount: number;
  /** Ends in a row that came soon after the start. */
  readonly quickEnds: number;
  /**
   * Who asked for its end (stop, kill, rm), so that no restart policy brings it back; when it was the
   * machine that goes down, its next boot does.
   */
  readonly stoppedBy: "nobody" | "user" | "machine";
  readonly error: string;
  /** The topmost of the frozen trees that it stands on; null: right on its image. */
  readonly frozenId: string | null;
  /** What its changes were becoming when whoever froze them died; see frozen.ts. */
  readonly freezingId: string | null;
}
