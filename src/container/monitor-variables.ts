/** What conmon finds in its environment by configuration. */
import type { Settings } from "../settings.ts";

/** containers.conf, `conmon_env_vars`: `NAME=VALUE`; what is no pair is no variable. */
export function monitorVariables({
  conmonEnv,
}: Pick<Settings, "conmonEnv">): Record<string, string> {
  return Object.fromEntries(
    conmonEnv.flatMap((pair) => {
      const at = pair.indexOf("=");
      return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)]] : [];
    }),
  );
}
