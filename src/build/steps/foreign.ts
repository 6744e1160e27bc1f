/** RUN for another platform than this machine's: whether its programs run here at all. */
import { CooperError } from "../../errors.ts";
import { hostPlatform, parsePlatform, resolvePlatform } from "../../oci/platform.ts";
import { foreignPrograms } from "../../system/binfmt.ts";

/** What a processor runs of its family's older one, without an emulator. */
const native: Readonly<Record<string, readonly string[]>> = { amd64: ["386"], arm64: ["arm"] };

const cure =
  "install one as root (apt-get install qemu-user-static), or compile on this machine's platform: FROM --platform=$BUILDPLATFORM";

/** For a command that failed: what may be the matter where nothing is known of emulators. */
export function hintOfEmulator(platform: string | null): { hint?: string } {
  if (platform === null) return {};
  const { architecture } = resolvePlatform(parsePlatform(platform));
  if (foreignPrograms(architecture).kind !== "unknown") return {};
  return { hint: `programs for ${platform} need an emulator here: ${cure}` };
}

/** @throws CooperError not-supported that tells how programs for the platform can be run */
export function assertRunsHere(platform: string): void {
  const { architecture } = resolvePlatform(parsePlatform(platform));
  const own = hostPlatform().architecture;
  if (architecture === own || native[own]?.includes(architecture)) return;
  const programs = foreignPrograms(architecture);
  // where the registrations are not to be seen (a container), only an attempt tells
  if (programs.kind === "emulated" || programs.kind === "unknown") return;
  const why =
    programs.kind === "none"
      ? "this machine has no emulator for it"
      : `the emulator ${programs.interpreter} is not to be found from inside of a container (it is registered without the flag F)`;
  throw new CooperError("not-supported", `RUN needs programs for ${platform}, and ${why}`, {
    hint: cure,
  });
}
