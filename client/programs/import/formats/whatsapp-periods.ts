// The words that exports of WhatsApp put beside a time of a 12-hour clock, in the languages that have some.

/**
 * Words for the halves of the day, from CLDR 48 (what `Intl` writes with `hour12`) and, at the end of each, from older
 * versions that phones still have. Compared without spaces, dots and quotes, in lower case.
 */
const AM = `am vm an ጥዋት ص পূৰ্বাহ্ন སྔ་དྲོ་ dop ку སྔ་ཆ་ ŋdi πμ atm قظ subaka ap rn m sf de nụtụtụ ꎸꄑ fh 午前 isuk kiroko
  פֿאַרמיטאָג bn тң moies ntɔ́ngɔ́ ກ່ອນທ່ຽງ priešpiet dinda priekšp претпл үө pg နံနက် पूर्वाह्न fm wd zmu صبح ib nd පෙව gh pd ቅቀ
  goöň hh öö چب дп to sa sub àárọ̀ 上午 上晝 بن
  오전 vorm पूर्व मपू पू পূর্বাহ্ণ முற்பகல் ਪੂਦੁ ก่อนเที่ยง לפנהצ дополудня проб صباحًا قبلدوپہر ព្រឹក asubuhi pagi`
const PM = `pm nm anw ከሰዓት م অপৰাহ্ন ཕྱི་དྲོ་ gm odp кх ཕྱི་ཆ་ ɣetrɔ μμ ptm بظ kikiiɗe ip in f ym du nabalị ꁯꋒ eh 午後 wengi
  hwaĩinĩ נאָכמיטאָג pn тк nomëttes mpókwa ຫຼັງທ່ຽງ popiet dilolo pēcp попл үх ptg ညနေ अपराह्न em wb zmw شام eb lk පව pop gd md
  ድቀ gosoň ea ös چك пп tk ch ngo ọ̀sán 下午 下晝 دن
  오후 nachm मउ অপরাহ্ণ பிற்பகல் ਬਾਦੁ หลังเที่ยง אחהצ пополудни слоб مساءً بعددوپہر ល្ងាច`

/** The hours of a word, first and last; from 24 on they are those of the next day. */
type Hours = readonly [first: number, last: number]

/** Words for shorter parts of the day: those of Taiwan are in CLDR, those of Hindi were on older phones. */
const PARTS: { [word: string]: Hours } = {
  凌晨: [0, 5],
  清晨: [4, 8],
  早上: [5, 11],
  早晨: [5, 11],
  正午: [12, 12],
  中午: [11, 14],
  傍晚: [17, 20],
  晚上: [17, 23],
  午夜: [0, 0],
  सुबह: [4, 11],
  दोपहर: [12, 15],
  शाम: [16, 19],
  रात: [20, 27],
}

/** Returns a word as it is compared: "p. m." is "pm". */
export const normalWord = (word: string): string =>
  word
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\s.,،:'"’״·()-]/gu, "")

const words = (list: string, hours: Hours): [string, Hours][] =>
  list.split(/\s+/).map((word) => [normalWord(word), hours])

const PERIODS = new Map<string, Hours>([
  ...words(AM, [0, 11]),
  ...words(PM, [12, 23]),
  ...Object.entries(PARTS).map(([word, hours]): [string, Hours] => [normalWord(word), hours]),
])

/** Words that stand beside a time and say nothing of it: "um 15:15 Uhr", "klo 15.15", "à", "г." (the year), "น." */
const SILENT = new Set(
  ["um", "uhr", "klo", "kl", "à", "a las", "às", "alle", "ore", "ob", "o", "г", "ч", "lúc", "στις", "u", "h", "น", "de"]
    .filter((word) => !PERIODS.has(normalWord(word)))
    .map(normalWord),
)

/** Returns whether the word tells morning and afternoon apart ("period"), tells nothing ("silent"), or is not known. */
export function kindOfWord(word: string): "period" | "silent" | "unknown" {
  if (PERIODS.has(word)) return "period"
  return SILENT.has(word) ? "silent" : "unknown"
}

/** Returns the hour of the day, 0 to 23, of an hour of a 12-hour clock with its word; null if they do not fit together. */
export function hourOfDay(hour: number, word: string): number | null {
  const [first, last] = PERIODS.get(word) ?? [0, -1]
  const within = (candidate: number) => candidate >= first && candidate <= last
  if (hour > 12) return within(hour) ? hour : null
  const fits = [hour % 12, (hour % 12) + 12].filter((candidate) => within(candidate) || within(candidate + 24))
  return fits.length === 1 ? (fits[0] ?? null) : null
}
