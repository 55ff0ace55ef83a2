import api.*;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.UUID;

class Walk {
  // Search may lag by seconds, on a busy machine by more.
  static final Duration SEARCH_LIMIT = Duration.ofSeconds(30);

  static void same(Object came, Object wanted) {
    if (!Objects.equals(came, wanted)) throw new AssertionError("came " + came + ", wanted " + wanted);
  }

  public static void main(String[] arguments) throws Exception {
    var client = new ApiClient();
    client.updateBaseUri(System.getenv("BASE_URL"));
    var key = System.getenv("ADMIN_API_KEY");
    if (key != null) client.setRequestInterceptor(request -> request.header("x-api-key", key));
    var chats = new ChatsApi(client);
    var messages = new MessagesApi(client);
    var applications = new ApplicationsApi(client);

    var application = new ApplicationInput().name("Walk");
    var token = applications.createApplication(
        ApplicationsApi.APICreateApplicationRequest.newBuilder().applicationInput(application).build()).getToken();
    // Without a body, this client sends null.
    var unnamed = chats.createChat(ChatsApi.APICreateChatRequest.newBuilder().token(token).build());
    same(List.of(unnamed.getNumber().intValue(), unnamed.getName() == null), List.of(1, true));
    var chat = chats.createChat(ChatsApi.APICreateChatRequest.newBuilder()
        .token(token).chatInput(new ChatInput().name("Order")).build()).getNumber();

    var once = MessagesApi.APICreateMessageRequest.newBuilder().token(token).chatNumber(chat)
        .idempotencyKey(UUID.randomUUID().toString()).messageInput(new MessageInput().body("Grüße & one")).build();
    for (int sent = 0; sent < 2; sent++) same(messages.createMessage(once).getNumber().intValue(), 1);
    var two = MessagesApi.APICreateMessageRequest.newBuilder().token(token).chatNumber(chat)
        .messageInput(new MessageInput().body("two")).build();
    same(messages.createMessage(two).getNumber().intValue(), 2);

    var page = MessagesApi.APIListMessagesRequest.newBuilder().token(token).chatNumber(chat).limit(1);
    var first = messages.listMessages(page.build());
    var last = messages.listMessages(page.cursor(first.getNextCursor()).build());
    same(List.of(first.getData().get(0).getBody(), last.getData().get(0).getBody()), List.of("Grüße & one", "two"));
    same(List.of(first.getData().size(), last.getData().size(), last.getNextCursor() == null), List.of(1, 1, true));

    var search = MessagesApi.APISearchMessagesRequest.newBuilder().token(token).chatNumber(chat).query("grusse &").build();
    var end = Instant.now().plus(SEARCH_LIMIT);
    var found = messages.searchMessages(search);
    for (; found.getTotal() == 0 && Instant.now().isBefore(end); found = messages.searchMessages(search)) Thread.sleep(250);
    same(found.getTotal().intValue(), 1);
    var hit = found.getData().get(0);
    same(List.of(hit.getNumber().intValue(), hit.getHighlight()), List.of(1, "<em>Grüße &amp;</em> one"));

    try {
      messages.getMessage(
          MessagesApi.APIGetMessageRequest.newBuilder().token(token).chatNumber(chat).number(99L).build());
      throw new AssertionError("a message that is not there was read");
    } catch (ApiException failure) {
      var problem = client.getObjectMapper().readValue(failure.getResponseBody(), Problem.class);
      same(List.of(failure.getCode(), problem.getCode()), List.of(404, "not_found"));
    }

    messages.deleteMessage(
        MessagesApi.APIDeleteMessageRequest.newBuilder().token(token).chatNumber(chat).number(1L).build());
    chats.deleteChat(ChatsApi.APIDeleteChatRequest.newBuilder().token(token).number(chat).build());
    applications.deleteApplication(
        ApplicationsApi.APIDeleteApplicationRequest.newBuilder().token(token).build());
  }
}
