use std::env::var;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use api::apis::applications_api::*;
use api::apis::chats_api::*;
use api::apis::configuration::{ApiKey, Configuration};
use api::apis::messages_api::*;
use api::apis::Error;
use api::models::{ApplicationInput, ChatInput, MessageInput};

const SEARCH_LIMIT: Duration = Duration::from_secs(30); // search may lag by some seconds, on a busy machine by more

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let configuration = &Configuration {
        base_path: var("BASE_URL")?,
        api_key: var("ADMIN_API_KEY").ok().map(|key| ApiKey { prefix: None, key }),
        ..Configuration::default()
    };

    let application = ApplicationInput { name: "Walk".into() };
    let made = CreateApplicationParams { application_input: application, idempotency_key: None };
    let token = create_application(configuration, made)?.token;
    let chat = |body| {
        let params = CreateChatParams { token: token.clone(), idempotency_key: None, chat_input: body };
        create_chat(configuration, params)
    };
    // Without a body, this client sends null.
    let unnamed = chat(None)?;
    assert_eq!((unnamed.number, unnamed.name), (1, None));
    let chat_number = chat(Some(ChatInput { name: Some(Some("Order".into())), ..Default::default() }))?.number;

    let send = |body: &str, key: Option<String>| {
        let message_input = MessageInput { body: body.into(), ..Default::default() };
        let params = CreateMessageParams { token: token.clone(), chat_number, message_input, idempotency_key: key };
        create_message(configuration, params)
    };
    let key = format!("walk-{}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos());
    assert_eq!(send("Grüße & one", Some(key.clone()))?.number, 1);
    assert_eq!(send("Grüße & one", Some(key))?.number, 1);
    assert_eq!(send("two", None)?.number, 2);

    let list = |cursor| {
        let (order, page, query, from, to, sender) = (None, None, None, None, None, None);
        let (token, limit) = (token.clone(), Some(1));
        let (after, before) = (None, None);
        let at = ListMessagesParams { token, chat_number, limit, cursor, order, page, after, before, query, from, to, sender };
        list_messages(configuration, at)
    };
    let first = list(None)?;
    let last = list(first.next_cursor)?;
    let bodies: Vec<_> = first.data.iter().chain(&last.data).map(|message| message.body.as_str()).collect();
    assert_eq!((bodies, last.next_cursor), (vec!["Grüße & one", "two"], None));

    let end = Instant::now() + SEARCH_LIMIT;
    let found = loop {
        let (limit, order, cursor, from, to, sender) = (None, None, None, None, None, None);
        let (token, query) = (token.clone(), Some("grusse &".into()));
        let params = SearchMessagesParams { token, chat_number, query, limit, order, cursor, from, to, sender };
        let found = search_messages(configuration, params)?;
        if found.total > 0 || Instant::now() > end {
            break found;
        }
        sleep(Duration::from_millis(250));
    };
    assert_eq!(found.total, 1);
    assert_eq!((found.data[0].number, found.data[0].highlight.as_deref()), (1, Some("<em>Grüße &amp;</em> one")));

    let missing = GetMessageParams { token: token.clone(), chat_number, number: 99, if_none_match: None };
    match get_message(configuration, missing) {
        Err(Error::ResponseError(answer)) => match (answer.status.as_u16(), &answer.entity) {
            (404, Some(GetMessageError::Status404(problem))) => assert_eq!(problem.code, "not_found"),
            _ => panic!("{answer:?}"),
        },
        other => panic!("{other:?}"),
    }

    delete_message(configuration, DeleteMessageParams { token: token.clone(), chat_number, number: 1, if_match: None })?;
    delete_chat(configuration, DeleteChatParams { token: token.clone(), number: chat_number, if_match: None })?;
    delete_application(configuration, DeleteApplicationParams { token, if_match: None })?;
    Ok(())
}
