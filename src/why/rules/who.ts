/** The process of a container in a sentence. */
import type { ContainerFacts, Finding } from "../evidence.ts";

/** `user 1000:1000`, `root without CAP_DAC_OVERRIDE`. */
export function whoText(container: ContainerFacts | null): string {
  if (container === null) return "its user";
  const { uid, gid } = container.user;
  if (uid !== 0) return `user ${uid}:${gid}`;
  return container.capabilities.includes("CAP_DAC_OVERRIDE")
    ? "root"
    : "root without CAP_DAC_OVERRIDE";
}

/** A finding with what is left out filled in. */
export function finding(
  id: string,
  cause: string,
  rest: Partial<Omit<Finding, "id" | "cause">> = {},
): Finding {
  return { id, cause, evidence: [], cures: [], advice: null, ...rest };
}
