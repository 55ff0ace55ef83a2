export const LIST_NOTE =
  "Page by `cursor` (programs) or by `page` (people). On the last page `next_cursor` is null and there is no Link header."
export const CREATE_NOTE =
  "With an Idempotency-Key the same request can be sent again safely for 24 hours: it answers the same and creates nothing."
export const WHOLE_NOTE = "PUT gives the whole: what is left out has its default afterwards."
export const CHANGES_NOTE =
  "PATCH changes what is given, at least one member, and keeps all else. Simultaneous PATCHes of different members are all kept."
export const IF_MATCH_NOTE = "With If-Match it is done only if the resource still has one of these ETags, else 412."
