/** Where conmon writes what a container prints. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { byteSize } from "../option.ts";
import type { ContainerRecord } from "./record.ts";

export interface LogTarget {
  readonly log: string;
  readonly logMaxBytes: number | null;
  readonly logTag: string | null;
}

/** Both peers' names; json-file is kept in the one format that conmon writes, as Podman does. */
export function logTarget(host: Host, container: ContainerRecord): LogTarget {
  const { logDriver, logPath } = container.resolved;
  const { options } = container.spec.log;
  const size = options["max-size"];
  const logMaxBytes = size === undefined ? host.settings.logMaxBytes : byteSize.parse(size);
  const logTag = options.tag ?? host.settings.logTag;
  switch (logDriver) {
    case "k8s-file":
    case "json-file":
      mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
      return { log: `k8s-file:${logPath}`, logMaxBytes, logTag: null };
    case "journald":
      return { log: "journald", logMaxBytes: null, logTag };
    case "none":
      return { log: "none", logMaxBytes: null, logTag: null };
    case "passthrough":
      return { log: "passthrough", logMaxBytes: null, logTag: null };
    default:
      throw new CooperError("invalid-argument", `unknown log driver "${logDriver}"`, {
        hint: "k8s-file, json-file, journald, none or passthrough",
      });
  }
}
