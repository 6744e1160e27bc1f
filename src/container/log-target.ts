/** Where conmon writes what a container prints. */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { rotatesLogs } from "../runtime/monitor.ts";
import { isTerminal } from "../system/terminal.ts";
import { logTagOf } from "./log-attributes.ts";
import { removeLogLeftovers, setLogAside } from "./log-files.ts";
import { logLimits, logRotation } from "./log-limits.ts";
import type { ContainerRecord } from "./record.ts";

export interface LogTarget {
  readonly log: string;
  readonly logMaxBytes: number | null;
  readonly olderLogs: number;
  readonly logTag: string | null;
}

/**
 * Both peers' names; Docker's json-file and local are kept in the one format that conmon writes, as Podman does. A file that
 * has grown too large is set aside.
 */
export function logTarget(host: Host, container: ContainerRecord): LogTarget {
  const { logDriver, logPath } = container.resolved;
  const { options } = container.spec.log;
  const unbounded = { logMaxBytes: null, olderLogs: 0 };
  const tag = options.tag ?? host.settings.logTag;
  const logTag = tag === null ? null : logTagOf(tag, container);
  switch (logDriver) {
    case "k8s-file":
    case "json-file":
    case "local":
      return { log: `k8s-file:${logPath}`, ...prepareLogFile(host, container), logTag: null };
    case "journald":
      if (!existsSync("/run/systemd/journal/socket")) {
        throw new CooperError("not-supported", "log driver journald: there is no journal here", {
          hint: "use --log-driver k8s-file",
        });
      }
      return { log: "journald", ...unbounded, logTag };
    case "none":
      return { log: "none", ...unbounded, logTag: null };
    case "passthrough":
      // who has the terminal could type commands into it (TIOCSTI, CVE-2016-9962 and its like)
      if (container.spec.hasTty || [0, 1, 2].some(isTerminal)) {
        throw new CooperError(
          "invalid-argument",
          "log driver passthrough: not on a terminal, which the container could type into",
          { hint: "use --log-driver passthrough-tty if you trust it" },
        );
      }
      return { log: "passthrough", ...unbounded, logTag: null };
    case "passthrough-tty":
      return { log: "passthrough", ...unbounded, logTag: null };
    default:
      throw new CooperError("invalid-argument", `unknown log driver "${logDriver}"`, {
        hint: "k8s-file, json-file, local, journald, none or passthrough",
      });
  }
}

function prepareLogFile(
  host: Host,
  { spec, resolved: { logPath } }: ContainerRecord,
): Pick<LogTarget, "logMaxBytes" | "olderLogs"> {
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  removeLogLeftovers(logPath);
  const limits = logLimits(spec.log.options, host.settings.logMaxBytes);
  const presentBytes = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  const canRotate = limits.fileBytes !== null && rotatesLogs(host.settings.conmonPath);
  const { maxBytes, olderFiles, startsAnew } = logRotation(limits, canRotate, presentBytes);
  if (startsAnew) setLogAside(logPath);
  return { logMaxBytes: maxBytes, olderLogs: olderFiles };
}
