export const LIST_NOTE =
  "Page by `cursor` (programs) or by `page` (people). On the last page `next_cursor` is null and there is no Link header."
export const CREATE_NOTE =
  "With an Idempotency-Key the same request can be sent again safely for 24 hours: it answers the same and creates nothing."
export const RENAME_NOTE = "Only the name changes. PUT and PATCH do the same."
