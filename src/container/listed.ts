/** A line of `ps`, wherever the container is. */
import type { PublishedPort } from "../network/model.ts";
import type { ContainerState } from "./record.ts";

/** What both peers' templates know of a container. Times in ms since 1970, 0 where there was none. */
export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  /** Fully qualified; of a container without an image, its directory. */
  readonly image: string;
  /** Hex; empty without an image. */
  readonly imageId: string;
  readonly command: readonly string[];
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly state: ContainerState;
  /** `Up 3 minutes`, `Exited (0) 2 hours ago`, `Created`. */
  readonly status: string;
  /** Whether it is listed where not all are. */
  readonly isActive: boolean;
  /** 0 while it does not run. */
  readonly pid: number;
  readonly exitCode: number;
  readonly restartCount: number;
  readonly health: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of volumes and sources of binds. */
  readonly mounts: readonly string[];
  readonly volumeCount: number;
  readonly networks: readonly string[];
  /** What can be reached through the host right now. */
  readonly publishedPorts: readonly PublishedPort[];
  /** `80/tcp`. */
  readonly exposedPorts: readonly string[];
  /** The column PORTS. */
  readonly ports: string;
  /** Inode numbers of its namespaces. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** `linux/amd64`; empty without an image. */
  readonly platform: string;
  readonly removesItself: boolean;
  /** Whether it is to stay as it is when the machine starts: `unless-stopped`, and the user has stopped it. */
  readonly staysStopped: boolean;
}
