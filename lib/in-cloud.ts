/** Returns whether this runs in AWS Lambda rather than an emulator, which sets SQS_ENDPOINT. */
export const isInCloud = ({ AWS_EXECUTION_ENV, SQS_ENDPOINT }: Record<string, string | undefined>): boolean =>
  !SQS_ENDPOINT && (AWS_EXECUTION_ENV?.startsWith("AWS_Lambda_") ?? false)
