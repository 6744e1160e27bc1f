/** Which Cooper this is. */
export const version = "0.1.0";

/** As `docker --version` and `podman --version` begin. */
export const versionText = `cooper version ${version}`;
