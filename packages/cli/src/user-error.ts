/** A failure whose message is for the user as it stands; the command ends with exit code 1. */
export class UserError extends Error {}
