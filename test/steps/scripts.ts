// Text in many scripts, and generators that mix it with difficult Unicode.
import fc from "fast-check"

/** About a sentence for each script, with its particularities. */
export const SAMPLES: readonly string[] = [
  "All human beings are born free and equal in dignity and rights.",
  "Größe, Straße, façade, œuvre, Ærø, İstanbul ılık, Tiếng Việt, Åsa, naïve Zoë",
  "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι· ΣΊΣΥΦΟΣ, ᾳ ᾼ Ὀδυσσεύς",
  "Все люди рождаются свободными. Съешь ещё этих булок, її ґанок, ЙОГУРТ",
  "يولد جميع الناس أحرارًا متساوين، كِتَابٌ كـتـاب ﷺ مُحَمَّد",
  "כל בני האדם נולדו בני חורין, שָׁלוֹם עֲלֵיכֶם",
  "सभी मनुष्यों को गौरव और अधिकारों के मामले में क़लम फ़िल्म किताब",
  "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা, ড় ঢ় য় কো কৌ",
  "மனிதப் பிறவியினர் சகலரும் கொ கோ கௌ சுதந்திரமாகவே",
  "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും കൊ",
  "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน น้ำ",
  "မြန်မာဘာသာ ဦး လူတိုင်းသည် တူညီ",
  "人人生而自由，在尊嚴和權利上一律平等。𠮷野家 ㍿",
  "すべての人間は、ガラス バラ パリ ｶﾞﾗｽ ﾊﾟﾘ ヴ か゛ が",
  "모든 인간은 태어날 때부터 자유로우며 각각 값 닭",
  "ყველა ადამიანი იბადება თავისუფალი ᲧᲕᲔᲚᲐ",
  "Բոլոր մարդիկ ծնվում են ազատ և հավասար",
  "ሰው ሁሉ ነፃ ሆኖ ይወለዳል", // Ethiopic
  "ᏂᎦᏓ ᎠᏂᏴᏫ ꭰꮒᏼꮻ", // Cherokee, both cases
  "“It’s” – «l’été», ʻokina, 1⁄2 − 3 ≠ 4 ∕ ⊄, Ørsted, Łódź, Þórður, Đà Nẵng, Ħal, soft\u00adhyphen",
  "می‌خواهم ۱۲۳ ٤٥٦ على مكتبة یک ہے دائرۃ \u200fمرحبا\u200f", // letters and digits of several Arabic keyboards
  "👨‍👩‍👧‍👦 family 👍🏽 🇩🇪🇫🇷 ❤️ 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
  "ﬁne ﬃ Ⅷ ① ½ Ｆｕｌｌ　ｗｉｄｔｈ ㎏ ㍻ ℡ ǆ Ǆ ẞ ŉ",
  `* ? % _ " \\ ' & < > ( ) [ ] { } ^ $ . | + - ! : / ~ # @ ; = , \u0000 \u0001 \u0002 \t \n AND OR NOT _all:*`,
]

const from = (text: string) => fc.constantFrom(...text)

/** A code point, often one that decomposes, composes, changes length in folding or is dropped. */
export const unit: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: from("aAeEsS iI<&'\"") },
  { weight: 4, arbitrary: from(SAMPLES.join("")) },
  { weight: 2, arbitrary: from("\u0301\u0308\u0323\u0327\u0345\u034f\u0640\u064e\u0651\u05b8\u0483\u20d7") },
  {
    weight: 2,
    arbitrary: from("\u093c\u094d\u09be\u09d7\u09c7\u0bbe\u0bc6\u3099\u309a\u0e38\u0e49\u0cd5\u0cd6\u0cc6"),
  },
  { weight: 2, arbitrary: from("ᄀ가각ᅡᆨᆩ한힣かガハ𑄮\u{16d63}\u{16d67}\u{16121}\u{1611e}") },
  { weight: 2, arbitrary: from("ßẞſςΣσİıŉǰΐᾳﬃﬅﷺﹰㄱﾡ①㍿Å\u1e9b\u0f73\u0fb2\u0f71\u0f80\u{1d15f}\ufa1c") },
  { weight: 2, arbitrary: from("’‘ʼʻ“«»‹–−‐⁄∕đĐØŁħŦæŒðÞيىیكکهہۃة٣۷=<≠⊄⫝\u0338\u20e3\ufe0f") },
  { weight: 2, arbitrary: from("\u00ad\u200b\u200c\u200d\u2060\u200e\u200f\u202b\u2067\ufeff") },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
)

export const anyText: fc.Arbitrary<string> = fc.string({ unit, maxLength: 40 })

/** A body, and a query that is often part of it. */
export const bodyAndQuery: fc.Arbitrary<{ body: string; query: string }> = fc
  .tuple(anyText, fc.nat(40), fc.integer({ min: 1, max: 6 }), anyText, fc.boolean())
  .map(([body, from, length, other, within]) => {
    const piece = [...body].slice(from, from + length).join("")
    return { body, query: within && piece !== "" ? piece : other }
  })
