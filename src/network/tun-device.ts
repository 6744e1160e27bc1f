/** The device by which programs of ordinary users carry the packets of a network namespace. */
import { accessSync, constants } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";

/** Both helpers make their link with it. */
export function checkTunDevice(): void {
  const device = "/dev/net/tun";
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
        hint: `${isMissing ? "sudo modprobe tun" : `sudo chmod 0666 ${device}`}; or use --network none or host`,
        cause: error,
      },
    );
  }
}
