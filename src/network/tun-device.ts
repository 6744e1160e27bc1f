/** The device by which programs of ordinary users carry the packets of a network namespace. */
import { accessSync, constants } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { isInContainer } from "../system/own-limits.ts";

const device = "/dev/net/tun";

/** Both helpers make their link with it. */
export function checkTunDevice(): void {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch (error) {
    const isMissing = errnoName(error) === "ENOENT";
    throw new CooperError(
      "missing-helper",
      isMissing
        ? `there is no ${device}, which a network for ordinary users needs`
        : `${device} may not be opened, which a network for ordinary users needs`,
      {
        hint: `${cure(isMissing)}; or use --network none or host`,
        cause: error,
      },
    );
  }
}

function cure(isMissing: boolean): string {
  if (!isMissing) return `sudo chmod 0666 ${device}`;
  return isInContainer()
    ? `start the surrounding container with --device ${device}`
    : "sudo modprobe tun";
}
